//! Protocol Buffers as bytes, as far as TensorBoard's few messages need them: numbers, texts, messages in messages.
//! Never a field twice where a reader expects one: the caller writes each as often as it is there.

/// A message that is being written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message(Vec<u8>);

const VARINT: u64 = 0;
const EIGHT_BYTES: u64 = 1;
const LENGTH: u64 = 2;
const FOUR_BYTES: u64 = 5;

impl Message {
    /// A whole number, an enumeration or a boolean.
    #[must_use]
    pub fn number(self, field: u64, value: u64) -> Self {
        self.varint(field << 3 | VARINT).varint(value)
    }

    /// A floating-point number of 64 bits.
    #[must_use]
    pub fn double(self, field: u64, value: f64) -> Self {
        let mut message = self.varint(field << 3 | EIGHT_BYTES);
        message.0.extend(value.to_le_bytes());
        message
    }

    /// A floating-point number of 32 bits.
    #[must_use]
    pub fn float(self, field: u64, value: f32) -> Self {
        let mut message = self.varint(field << 3 | FOUR_BYTES);
        message.0.extend(value.to_le_bytes());
        message
    }

    /// A text.
    #[must_use]
    pub fn text(self, field: u64, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    /// A message, or bytes.
    #[must_use]
    pub fn bytes(self, field: u64, bytes: &[u8]) -> Self {
        let mut message = self.varint(field << 3 | LENGTH).varint(bytes.len() as u64);
        message.0.extend(bytes);
        message
    }

    /// A message in this one.
    #[must_use]
    pub fn message(self, field: u64, message: &Self) -> Self {
        self.bytes(field, &message.0)
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn varint(mut self, mut value: u64) -> Self {
        while value > 0x7f {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
        self
    }
}

/// Bytes as the format's own documentation has them.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_written_as_the_format_says() {
        assert_eq!(Message::default().number(1, 150).as_bytes(), [0x08, 0x96, 0x01]);
        assert_eq!(Message::default().text(2, "testing").as_bytes(), b"\x12\x07testing");
        let inner = Message::default().number(1, 150);
        assert_eq!(Message::default().message(3, &inner).as_bytes(), [0x1a, 0x03, 0x08, 0x96, 0x01]);
        assert_eq!(Message::default().double(1, 1.0).as_bytes(), [0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
        assert_eq!(Message::default().float(2, 1.0).as_bytes(), [0x15, 0, 0, 0x80, 0x3f]);
        assert_eq!(Message::default().number(1, u64::MAX).as_bytes().len(), 11);
    }
}
