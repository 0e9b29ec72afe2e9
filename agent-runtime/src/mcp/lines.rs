//! Messages as lines of text, for the SDK: one to a line, bounded, and each line that is no message answered by what is wrong with it.

use std::io;
use std::sync::Arc;

use futures::{Sink, Stream, sink, stream};
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::Mutex;

use super::message;

/// What some programs write before the first line. It says nothing.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Both directions, with lines of so many bytes at the most. The SDK's own transport answers nothing to a line that is no JSON, and
/// nothing to one that is too long, so that whoever sent a request with it waits for ever.
pub(super) fn transport<I, O>(
    input: I,
    output: O,
    longest: usize,
) -> (
    impl Sink<ServerJsonRpcMessage, Error = io::Error> + Send + Unpin + 'static,
    impl Stream<Item = ClientJsonRpcMessage> + Send + Unpin + 'static,
)
where
    I: AsyncRead + Send + Unpin + 'static,
    O: AsyncWrite + Send + Unpin + 'static,
{
    let output = Arc::new(Mutex::new(output));
    let told = sink::unfold(Arc::clone(&output), |output, message| async move {
        write(&output, &message).await?;
        Ok(output)
    });
    let heard = stream::unfold((BufReader::new(input), output), move |(mut input, output)| async move {
        loop {
            let read = match line(&mut input, longest).await? {
                Line::Whole(line) if line.is_empty() => continue,
                Line::Whole(line) => message::read(line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&line)),
                Line::TooLong => Err(message::too_long(longest)),
            };
            match read {
                Ok(Some(message)) => return Some((message, (input, output))),
                Ok(None) => {}
                // Whoever does not read answers is not listened to any longer.
                Err(refusal) => write(&output, &refusal).await.ok()?,
            }
        }
    });
    (Box::pin(told), Box::pin(heard))
}

enum Line {
    Whole(Vec<u8>),
    TooLong,
}

/// The next line, without its end; nothing where there is none that ends. Of one that is too long nothing is kept.
async fn line(input: &mut (impl AsyncBufReadExt + Unpin), longest: usize) -> Option<Line> {
    let (mut line, mut is_too_long) = (Vec::new(), false);
    loop {
        let bytes = input.fill_buf().await.ok().filter(|bytes| !bytes.is_empty())?;
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let part = &bytes[..end.unwrap_or(bytes.len())];
        is_too_long |= line.len() + part.len() > longest;
        if is_too_long {
            line = Vec::new();
        } else {
            line.extend_from_slice(part);
        }
        let taken = part.len() + usize::from(end.is_some());
        input.consume(taken);
        if end.is_some() {
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            return Some(if is_too_long { Line::TooLong } else { Line::Whole(line) });
        }
    }
}

async fn write(output: &Mutex<impl AsyncWrite + Unpin>, message: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    let mut output = output.lock().await;
    output.write_all(&line).await?;
    output.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(text: &[u8], longest: usize) -> Vec<Option<String>> {
        let (mut input, mut read) = (BufReader::with_capacity(3, text), Vec::new());
        while let Some(next) = line(&mut input, longest).await {
            read.push(match next {
                Line::Whole(line) => Some(String::from_utf8(line).unwrap()),
                Line::TooLong => None,
            });
        }
        read
    }

    #[tokio::test]
    async fn lines_are_whole_and_bounded_wherever_they_are_cut() {
        let whole = |text: &str| Some(text.to_owned());
        assert_eq!(lines(b"ab\r\n\ncdefgh\nij\n", 5).await, [whole("ab"), whole(""), None, whole("ij")]);
        assert_eq!(lines(b"abcde\nabcdef\n", 5).await, [whole("abcde"), None]);
        assert_eq!(lines(b"ab\ncd", 5).await, [whole("ab")], "the last one has no end, and may be cut off");
        assert_eq!(lines(&vec![b'x'; 1 << 20], 5).await, []);
    }
}
