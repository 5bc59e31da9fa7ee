//! Text in UTF-16, as PowerShell and some exports of Windows write it.

/// Decodes UTF-16 to UTF-8, however the bytes are cut.
pub(super) struct Utf16 {
    little: bool,
    /// The first byte of a unit that was cut.
    byte: Option<u8>,
    /// The first half of a pair.
    high: Option<u16>,
    /// Units that are no characters, each replaced by U+FFFD.
    pub(super) replaced: usize,
}

impl Utf16 {
    /// Bytes that show whether content is UTF-16.
    pub(super) const HEAD: usize = 32;
    /// So many units without a mark are enough to tell.
    const SURE: usize = 4;

    /// The decoder of what begins so, and the length of the mark there. Logs begin with ASCII: every second
    /// byte of theirs is zero in UTF-16, with or without a mark.
    pub(super) fn of(head: &[u8]) -> Option<(Self, usize)> {
        let decoder = |little| Self { little, byte: None, high: None, replaced: 0 };
        match head {
            [0xff, 0xfe, ..] => return Some((decoder(true), 2)),
            [0xfe, 0xff, ..] => return Some((decoder(false), 2)),
            _ => {}
        }
        let (units, _) = head.as_chunks::<2>();
        let text = |byte: u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n');
        let sure = units.len() >= Self::SURE;
        let little = sure && units.iter().all(|[low, high]| text(*low) && *high == 0);
        let big = sure && units.iter().all(|[high, low]| *high == 0 && text(*low));
        (little || big).then(|| (decoder(little), 0))
    }

    /// Appends what the bytes are in UTF-8.
    pub(super) fn decode(&mut self, mut bytes: &[u8], into: &mut Vec<u8>) {
        if let (Some(first), Some((second, rest))) = (self.byte, bytes.split_first()) {
            self.byte = None;
            bytes = rest;
            self.unit([first, *second], into);
        }
        let (pairs, rest) = bytes.as_chunks::<2>();
        for pair in pairs {
            self.unit(*pair, into);
        }
        if let [byte] = rest {
            self.byte = Some(*byte);
        }
    }

    /// Appends what stands for a character that the end of the file cuts.
    pub(super) fn finish(&mut self, into: &mut Vec<u8>) {
        if self.byte.take().is_some() | self.high.take().is_some() {
            self.replace(into);
        }
    }

    fn unit(&mut self, bytes: [u8; 2], into: &mut Vec<u8>) {
        let unit = if self.little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) };
        if let Some(high) = self.high.take() {
            if let Some(Ok(char)) = char::decode_utf16([high, unit]).next()
                && (0xdc00..0xe000).contains(&unit)
            {
                push(char, into);
                return;
            }
            self.replace(into);
        }
        match unit {
            0xd800..0xdc00 => self.high = Some(unit),
            _ => match char::from_u32(u32::from(unit)) {
                Some(char) => push(char, into),
                None => self.replace(into),
            },
        }
    }

    fn replace(&mut self, into: &mut Vec<u8>) {
        self.replaced += 1;
        push(char::REPLACEMENT_CHARACTER, into);
    }
}

fn push(char: char, into: &mut Vec<u8>) {
    if char.is_ascii() {
        into.push(char as u8);
    } else {
        into.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_units_come_out_as_the_standard_library_has_them(
            units in proptest::collection::vec(
                prop_oneof![any::<u16>(), 0xd7f0_u16..0xe010], 0..60
            ),
            little in any::<bool>(),
            cut in 1_usize..5,
        ) {
            let bytes: Vec<u8> = units
                .iter()
                .flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() })
                .collect();
            let mark = if little { [0xff, 0xfe] } else { [0xfe, 0xff] };
            let (mut decoder, _) = Utf16::of(&mark).unwrap();
            let mut text = Vec::new();
            bytes.chunks(cut).for_each(|bytes| decoder.decode(bytes, &mut text));
            decoder.finish(&mut text);
            prop_assert_eq!(String::from_utf8(text).unwrap(), String::from_utf16_lossy(&units));
            let wrong = char::decode_utf16(units).filter(Result::is_err).count();
            prop_assert_eq!(decoder.replaced, wrong);
        }
    }

    #[test]
    fn text_without_a_mark_is_known_by_its_zeros() {
        let little: Vec<u8> = "{\"a\": 1}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = "{\"a\": 1}".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for (bytes, is_little) in [(little, true), (big, false)] {
            let found = Utf16::of(&bytes).map(|(decoder, mark)| (decoder.little, mark));
            assert_eq!(found, Some((is_little, 0)));
        }
        for other in
            [&b"user,action\n"[..], b"\0\0\0\0\0\0\0\0a,b\n", b"a\0b\0", b"a\0b\0c\0de", b""]
        {
            assert!(Utf16::of(other).is_none(), "{other:?}");
        }
    }

    #[test]
    fn a_unit_that_the_end_cuts_is_replaced() {
        let (mut decoder, _) = Utf16::of(&[0xff, 0xfe]).unwrap();
        let mut text = Vec::new();
        decoder.decode(b"a\0b", &mut text);
        decoder.finish(&mut text);
        assert_eq!((str::from_utf8(&text), decoder.replaced), (Ok("a\u{fffd}"), 1));
    }
}
