use std::io::{self, BufRead, BufReader, Read, Write};

/// The answer of Redis to a command ([RESP2](https://redis.io/docs/latest/develop/reference/protocol-spec/)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A status or a string.
    Text(String),
    /// A number.
    Integer(i64),
    /// No value.
    Nothing,
    /// A list.
    List(Vec<Reply>),
    /// An error, with its code: `READONLY You can't write against a read only replica.`
    Error(String),
}

/// Sends a command and reads the answer.
pub(super) fn ask(mut stream: impl Read + Write, words: &[&str]) -> io::Result<Reply> {
    let mut command = format!("*{}\r\n", words.len());
    for word in words {
        command.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    stream.write_all(command.as_bytes())?;
    read(&mut BufReader::new(stream))
}

fn read(source: &mut impl BufRead) -> io::Result<Reply> {
    let mut line = String::new();
    source.read_line(&mut line)?;
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, format!("not RESP: {line:?}"));
    let text = line.strip_suffix("\r\n").and_then(|line| line.get(1..)).ok_or_else(malformed)?;
    let number = || text.parse::<i64>().map_err(|_| malformed());
    Ok(match line.as_bytes()[0] {
        b'+' => Reply::Text(text.to_owned()),
        b'-' => Reply::Error(text.to_owned()),
        b':' => Reply::Integer(number()?),
        b'$' => match usize::try_from(number()?) {
            Err(_) => Reply::Nothing,
            Ok(length) => {
                let mut bytes = vec![0; length + 2];
                source.read_exact(&mut bytes)?;
                Reply::Text(String::from_utf8_lossy(&bytes[..length]).into_owned())
            }
        },
        b'*' => match usize::try_from(number()?) {
            Err(_) => Reply::Nothing,
            Ok(length) => Reply::List((0..length).map(|_| read(source)).collect::<Result<_, _>>()?),
        },
        _ => return Err(malformed()),
    })
}
