//! A JSON parser [RFC 8259] that shares no code with the filter, as a model. It rejects duplicate members and deep
//! nesting, and keeps the text of numbers.

use std::iter::Peekable;
use std::str::Chars;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as its text.
    Number(String),
    /// A string, unescaped.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object; no two members have the same name.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The members of the object that `text` is; `None` if it is anything else, has a duplicate member, or nests deeper
    /// than `max_depth`.
    pub fn object(text: &[u8], max_depth: usize) -> Option<Vec<(String, Self)>> {
        let mut reader = Reader(std::str::from_utf8(text).ok()?.chars().peekable());
        let value = reader.value(max_depth)?;
        reader.space();
        match (value, reader.0.next()) {
            (Self::Object(members), None) => Some(members),
            _ => None,
        }
    }

    /// The text that a backend gets for a claim; `None` for null.
    ///
    /// # Errors
    /// The value itself, where the backend gets it as JSON.
    pub fn to_text(&self) -> Result<Option<String>, &Self> {
        match self {
            Self::Null => Ok(None),
            Self::Array(elements) => {
                let texts: Result<Vec<_>, _> = elements
                    .iter()
                    .map(|element| match element {
                        Self::Array(_) => Err(self),
                        Self::Null => Ok("null".to_owned()),
                        other => other.to_text().map(Option::unwrap_or_default).map_err(|_| self),
                    })
                    .collect();
                Ok(Some(texts?.join(",")))
            }
            Self::Object(_) => Err(self),
            Self::Bool(value) => Ok(Some(value.to_string())),
            Self::Number(text) | Self::String(text) => Ok(Some(text.clone())),
        }
    }
}

/// The value of the member with this name.
pub fn member<'a>(members: &'a [(String, Json)], name: &str) -> Option<&'a Json> {
    members.iter().find(|(other, _)| other == name).map(|(_, value)| value)
}

struct Reader<'a>(Peekable<Chars<'a>>);

impl Reader<'_> {
    fn space(&mut self) {
        while self.0.next_if(|letter| " \t\r\n".contains(*letter)).is_some() {}
    }

    fn is(&mut self, letter: char) -> bool {
        self.0.next_if_eq(&letter).is_some()
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        self.space();
        match self.0.peek()? {
            '{' => self.members(depth.checked_sub(1)?).map(Json::Object),
            '[' => self.elements(depth.checked_sub(1)?).map(Json::Array),
            '"' => self.text().map(Json::String),
            't' => self.word("true").map(|()| Json::Bool(true)),
            'f' => self.word("false").map(|()| Json::Bool(false)),
            'n' => self.word("null").map(|()| Json::Null),
            _ => self.number().map(Json::Number),
        }
    }

    fn members(&mut self, depth: usize) -> Option<Vec<(String, Json)>> {
        let mut members: Vec<(String, Json)> = Vec::new();
        self.list('{', '}', |reader| {
            reader.space();
            let name = reader.text()?;
            reader.space();
            let value = if reader.is(':') { reader.value(depth)? } else { return None };
            let is_new = member(&members, &name).is_none();
            members.push((name, value));
            is_new.then_some(())
        })?;
        Some(members)
    }

    fn elements(&mut self, depth: usize) -> Option<Vec<Json>> {
        let mut elements = Vec::new();
        self.list('[', ']', |reader| {
            elements.push(reader.value(depth)?);
            Some(())
        })?;
        Some(elements)
    }

    fn list(&mut self, open: char, close: char, mut element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        assert!(self.is(open));
        self.space();
        if self.is(close) {
            return Some(());
        }
        loop {
            element(self)?;
            self.space();
            if self.is(close) {
                return Some(());
            }
            if !self.is(',') {
                return None;
            }
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        word.chars().all(|letter| self.is(letter)).then_some(())
    }

    fn number(&mut self) -> Option<String> {
        let mut text = String::new();
        let digits = |reader: &mut Self, text: &mut String| {
            let before = text.len();
            while let Some(digit) = reader.0.next_if(char::is_ascii_digit) {
                text.push(digit);
            }
            (text.len() > before).then_some(())
        };
        text.extend(self.0.next_if_eq(&'-'));
        if self.is('0') {
            text.push('0');
        } else {
            digits(self, &mut text)?;
        }
        if self.is('.') {
            text.push('.');
            digits(self, &mut text)?;
        }
        if let Some(letter) = self.0.next_if(|letter| "eE".contains(*letter)) {
            text.push(letter);
            text.extend(self.0.next_if(|letter| "+-".contains(*letter)));
            digits(self, &mut text)?;
        }
        Some(text)
    }

    fn text(&mut self) -> Option<String> {
        let mut text = String::new();
        if !self.is('"') {
            return None;
        }
        loop {
            match self.0.next()? {
                '"' => return Some(text),
                '\\' => text.push(self.escaped()?),
                '\0'..='\u{1f}' => return None,
                letter => text.push(letter),
            }
        }
    }

    fn escaped(&mut self) -> Option<char> {
        Some(match self.0.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            letter @ ('"' | '\\' | '/') => letter,
            'u' => match self.hex()? {
                high @ 0xd800..=0xdbff => {
                    self.word("\\u")?;
                    let low = self.hex().filter(|low| (0xdc00..=0xdfff).contains(low))?;
                    char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))?
                }
                unit => char::from_u32(unit)?,
            },
            _ => return None,
        })
    }

    fn hex(&mut self) -> Option<u32> {
        (0..4).try_fold(0, |number, _| Some(number * 16 + self.0.next()?.to_digit(16)?))
    }
}
