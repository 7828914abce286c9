//! Values packed into bytes and read back: small numbers in few bytes, texts with their length. It never believes a
//! length: what does not fit into the bytes that are there is none.

/// Bytes that grow.
#[derive(Debug, Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    /// Seven bits a byte, the lowest first; the top bit says that more follow.
    pub(super) fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes()[0]);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(super) fn float(&mut self, value: f64) {
        self.0.extend_from_slice(&value.to_bits().to_le_bytes());
    }

    /// 0 for none, else 1 and the value.
    pub(super) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            None => self.number(0),
            Some(value) => {
                self.number(1);
                write(self, value);
            }
        }
    }
}

/// Bytes that are read from their start.
#[derive(Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for place in (0..64).step_by(7) {
            let byte = *self.take(1)?.first()?;
            value |= u64::from(byte & 0x7f) << place;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    pub(super) fn small(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        let len = usize::try_from(self.number()?).ok()?;
        std::str::from_utf8(self.take(len)?).ok()
    }

    pub(super) fn float(&mut self) -> Option<f64> {
        let bytes = self.take(8)?.try_into().ok()?;
        Some(f64::from_bits(u64::from_le_bytes(bytes)))
    }

    /// The outer none is of bytes that are not there.
    #[expect(clippy::option_option, reason = "the two say different things")]
    pub(super) fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.number()? {
            0 => Some(None),
            1 => Some(Some(read(self)?)),
            _ => None,
        }
    }
}

/// There and back.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_what_is_cut_is_none() {
        let mut writer = Writer::default();
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            writer.number(value);
        }
        writer.text("täglich");
        writer.float(-0.5);
        writer.option(None::<u64>, Writer::number);
        writer.option(Some(7), Writer::number);
        let read = |bytes: &[u8]| {
            let mut reader = Reader(bytes);
            let numbers: Vec<u64> = (0..7).map_while(|_| reader.number()).collect();
            let text = reader.text()?.to_owned();
            let float = reader.float()?;
            Some((numbers, text, float, reader.option(Reader::number)?, reader.option(Reader::number)?))
        };
        let (numbers, text, float, none, some) = read(&writer.0).unwrap();
        assert_eq!(numbers, [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX]);
        assert_eq!((text.as_str(), float, none, some), ("täglich", -0.5, None, Some(7)));
        for len in 0..writer.0.len() {
            assert_eq!(read(&writer.0[..len]), None, "{len}");
        }
    }

    #[test]
    fn a_length_beyond_the_bytes_is_none() {
        let mut writer = Writer::default();
        writer.number(u64::MAX);
        assert_eq!(Reader(&writer.0).text(), None);
        assert_eq!(Reader(&[0xff; 11]).number(), None);
    }
}
