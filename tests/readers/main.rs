//! What the filter forwards, read by the parsers that backends use: none of them may find the client's value where the
//! filter's belongs. The parsers run as child processes from the folder `READERS`, which `tools/scripts/readers.sh` makes.

mod ask;
mod bodies;
mod generate;
mod go;
mod names;
