//! Reads the content of an answer to its end, bounded before and after decompression.

use std::io::{self, Write};

use flate2::write::GzDecoder;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CONTENT_ENCODING, HeaderMap};
use hyper::http::response::Parts;

use super::answer::Answer;
use super::exchange::told;
use super::target::Target;
use crate::error::EffectError;

pub(super) async fn read(target: &Target, head: Parts, mut incoming: Incoming, most: usize) -> Result<Answer, EffectError> {
    let mut content = Decoder::of(&head.headers, most).map_err(|error| failed(target, most, &error))?;
    let mut taken = 0;
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| EffectError::Broken { host: target.place(), why: told(&error).into() })?;
        // Trailers are not read.
        let Ok(chunk) = frame.into_data() else { continue };
        taken += chunk.len();
        if taken > most {
            return Err(too_large(target, most));
        }
        content.take(&chunk).map_err(|error| failed(target, most, &error))?;
    }
    let content = content.end().map_err(|error| failed(target, most, &error))?;
    Ok(Answer::new(target, &head, content))
}

/// Decompresses what comes, chunk by chunk, into a bounded vector: neither a small chunk that becomes large nor a large one
/// that becomes nothing is taken beyond the bound.
enum Decoder {
    Plain(Bounded),
    // One member: a stream of empty ones costs time for each and gives nothing, and no server sends several.
    // Nothing is decompressed where nothing comes: an answer to HEAD, or 304, may say gzip and have no content.
    Gzip { decoder: Box<GzDecoder<Bounded>>, begun: bool },
}

impl Decoder {
    fn of(headers: &HeaderMap, most: usize) -> io::Result<Self> {
        let bounded = Bounded { bytes: Vec::new(), most };
        let codings: Vec<_> =
            headers.get_all(CONTENT_ENCODING).iter().map(|value| value.as_bytes().to_ascii_lowercase()).collect();
        match codings.as_slice() {
            [] => Ok(Self::Plain(bounded)),
            [only] => match only.as_slice() {
                b"" | b"identity" => Ok(Self::Plain(bounded)),
                b"gzip" | b"x-gzip" => Ok(Self::Gzip { decoder: Box::new(GzDecoder::new(bounded)), begun: false }),
                _ => Err(unasked()),
            },
            _ => Err(unasked()),
        }
    }

    fn take(&mut self, chunk: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(bounded) => bounded.write_all(chunk),
            Self::Gzip { decoder, begun } => {
                *begun |= !chunk.is_empty();
                decoder.write_all(chunk)
            }
        }
    }

    fn end(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain(bounded) => Ok(bounded.bytes),
            Self::Gzip { begun: false, .. } => Ok(Vec::new()),
            Self::Gzip { decoder, .. } => Ok(decoder.finish()?.bytes),
        }
    }
}

struct Bounded {
    bytes: Vec<u8>,
    most: usize,
}

#[derive(Debug, thiserror::Error)]
#[error("more bytes than may be")]
struct Full;

impl Write for Bounded {
    fn write(&mut self, chunk: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + chunk.len() > self.most {
            return Err(io::Error::other(Full));
        }
        self.bytes.extend_from_slice(chunk);
        Ok(chunk.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn unasked() -> io::Error {
    io::Error::other("it is compressed in a way that was not asked for: only gzip is")
}

fn failed(target: &Target, most: usize, error: &io::Error) -> EffectError {
    match error.get_ref().is_some_and(|error| error.is::<Full>()) {
        true => too_large(target, most),
        false => EffectError::Broken { host: target.place(), why: error.to_string().into() },
    }
}

fn too_large(target: &Target, most: usize) -> EffectError {
    let what = format!("the answer of `{}`", target.place()).into();
    EffectError::TooLarge { what, limit: most, instead: "ask for less of it" }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn decode(coding: &'static str, sent: &[u8], most: usize) -> io::Result<Vec<u8>> {
        let headers = HeaderMap::from_iter([(CONTENT_ENCODING, coding.parse().unwrap())]);
        let mut decoder = Decoder::of(&headers, most)?;
        for chunk in sent.chunks(7) {
            decoder.take(chunk)?;
        }
        decoder.end()
    }

    #[test]
    fn what_was_compressed_comes_back_whole_or_not_at_all() {
        let text = b"basalt ".repeat(100);
        let sent = gzip(&text);
        assert_eq!(decode("gzip", &sent, 700).unwrap(), text);
        assert_eq!(decode("GZIP", &sent, 700).unwrap(), text);
        assert!(decode("gzip", &sent.repeat(2), 1400).is_err());
        assert_eq!(decode("gzip", b"", 700).unwrap(), b"");
        assert_eq!(decode("identity", b"plain", 5).unwrap(), b"plain");
        for cut in [1, sent.len() / 2, sent.len() - 1] {
            assert!(decode("gzip", &sent[..cut], 700).is_err(), "{cut}");
        }
        assert!(decode("gzip", b"no gzip at all", 700).is_err());
        assert!(decode("br", b"x", 700).is_err());
        assert!(decode("gzip, gzip", &gzip(&sent), 700).is_err());
    }

    #[test]
    fn a_byte_more_than_may_be_is_an_error() {
        let full = |result: io::Result<Vec<u8>>| result.unwrap_err().get_ref().is_some_and(|error| error.is::<Full>());
        assert!(full(decode("gzip", &gzip(&[0; 701]), 700)));
        assert!(full(decode("identity", &[0; 701], 700)));
        assert!(full(decode("gzip", &gzip(&vec![0; 64 << 20]), 1 << 20)));
    }
}
