//! Reads what the filter forwards with the parsers that backends use. None of them may find the client's value in place
//! of the filter's. The parsers are child processes, run by the commands in the folder `READERS`, which
//! `tools/scripts/readers.sh` makes.

mod ask;
mod bodies;
mod generate;
mod go;
mod names;
