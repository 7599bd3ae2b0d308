//! The wire format of Protocol Buffers (<https://protobuf.dev/programming-guides/encoding/>).

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'a> {
    /// A varint.
    Number(u64),
    /// A string, bytes, or a message.
    Bytes(&'a [u8]),
    /// A number of four or eight bytes.
    Fixed,
    /// A group.
    Group,
}

/// The deepest nesting of groups.
const MAX_DEPTH: usize = 128;

/// The fields of a message with their numbers, in order. `None` if it is no message.
pub fn read(mut message: &[u8]) -> Option<Vec<(u64, Field<'_>)>> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        fields.push(read_field(&mut message, MAX_DEPTH)?);
    }
    Some(fields)
}

/// The last field with this number, which is the one that counts.
pub fn last<'a>(fields: &[(u64, Field<'a>)], wanted: u64) -> Option<Field<'a>> {
    fields.iter().rev().find_map(|(number, field)| (*number == wanted).then_some(*field))
}

/// A field with a number.
pub fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

/// A field with bytes or a message.
pub fn bytes(field: u64, value: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn read_field<'a>(rest: &mut &'a [u8], depth: usize) -> Option<(u64, Field<'a>)> {
    let tag = u32::try_from(read_varint(rest)?).ok()?;
    let number = u64::from(tag >> 3);
    if number == 0 {
        return None;
    }
    let field = match tag & 7 {
        0 => Field::Number(read_varint(rest)?),
        1 => take(rest, 8).map(|_| Field::Fixed)?,
        2 => {
            let length = read_varint(rest)?;
            Field::Bytes(take(rest, length)?)
        }
        3 => {
            let depth = depth.checked_sub(1)?;
            while !is_end_of_group(rest, number) {
                read_field(rest, depth)?;
            }
            read_varint(rest)?;
            Field::Group
        }
        5 => take(rest, 4).map(|_| Field::Fixed)?,
        _ => return None,
    };
    Some((number, field))
}

fn is_end_of_group(mut rest: &[u8], number: u64) -> bool {
    read_varint(&mut rest) == Some(number << 3 | 4)
}

fn read_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if shift == 63 && byte > 1 {
            return None;
        }
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(rest: &mut &'a [u8], length: u64) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = after;
    Some(taken)
}
