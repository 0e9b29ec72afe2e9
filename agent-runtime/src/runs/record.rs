//! How our entries are written down: their checksum (CRC-32C, as eight hexadecimal digits), a space, and JSON. Text, so that
//! people can read what an agent remembers with the tools of its database.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why an entry cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Damage {
    #[error("the checksum does not match")]
    Checksum,
    #[error("the entry is not of this version: {0}")]
    Shape(String),
}

/// An entry as bytes.
pub(crate) fn encode(value: &impl Serialize) -> Bytes {
    let mut bytes = b"00000000 ".to_vec();
    serde_json::to_writer(&mut bytes, value).expect("our own types are JSON");
    let sum = format!("{:08x}", crc32c::crc32c(&bytes[9..]));
    bytes[..8].copy_from_slice(sum.as_bytes());
    bytes.into()
}

/// An entry out of bytes, if they are as they were written.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Damage> {
    let (sum, text) = bytes.split_at_checked(9).ok_or(Damage::Checksum)?;
    let sum = std::str::from_utf8(&sum[..8]).ok().and_then(|sum| u32::from_str_radix(sum, 16).ok()).ok_or(Damage::Checksum)?;
    if crc32c::crc32c(text) != sum {
        return Err(Damage::Checksum);
    }
    serde_json::from_slice(text).map_err(|error| Damage::Shape(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_and_every_missing_end_is_found() {
        let bytes = encode(&vec!["chalk", "basalt"]);
        assert_eq!(decode::<Vec<String>>(&bytes).unwrap(), ["chalk", "basalt"]);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // The digits of the checksum may be of either case, and the space any byte: neither says anything, and the
            // entry is then what it was.
            if let Ok(entry) = decode::<Vec<String>>(&flipped) {
                assert!(bit / 8 < 9, "bit {bit} of the text was flipped unnoticed");
                assert_eq!(entry, ["chalk", "basalt"], "bit {bit}");
            }
        }
        for length in 0..bytes.len() {
            assert!(decode::<Vec<String>>(&bytes[..length]).is_err(), "{length}");
        }
    }
}
