//! Takes the two files of Swagger UI that are served out of the archive in which its crate has them: as they lie there, packed,
//! so that the program carries 0.4 MB of it and packs nothing. Without the feature `openapi-ui` there is nothing to do.

fn main() {
    println!("cargo::rerun-if-changed=build/swagger_ui.rs");
    #[cfg(feature = "openapi-ui")]
    archive::unpack();
}

#[cfg(feature = "openapi-ui")]
mod archive {
    use std::path::Path;

    use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED as ARCHIVE;

    /// What the end of the archive begins with, which says where its directory is.
    const END: &[u8; 4] = b"PK\x05\x06";

    pub(crate) fn unpack() {
        let folder = std::env::var("OUT_DIR").expect("cargo says where");
        for name in ["swagger-ui-bundle.js", "swagger-ui.css"] {
            let file = gzip(name).unwrap_or_else(|| panic!("the archive has no packed dist/{name}"));
            std::fs::write(Path::new(&folder).join(format!("{name}.gz")), file).expect("the folder can be written to");
        }
    }

    /// A file as gzip (RFC 1952): what the archive packed, between a head and the checksum and length that the archive knows.
    fn gzip(name: &str) -> Option<Vec<u8>> {
        let end = ARCHIVE.windows(END.len()).rposition(|bytes| bytes == END)?;
        let mut entry = four(end + 16);
        while entry < end {
            let (name_length, extra, comment) = (two(entry + 28), two(entry + 30), two(entry + 32));
            let path = ARCHIVE.get(entry + 46..entry + 46 + name_length)?;
            let (is_packed, packed_length, place) = (two(entry + 10) == 8, four(entry + 20), four(entry + 42));
            if is_packed
                && path.ends_with(format!("/dist/{name}").as_bytes())
                && !path.windows(9).any(|part| part == b"/flavors/")
            {
                // The file has a head of its own, as long as its two last fields say.
                let start = place + 30 + two(place + 26) + two(place + 28);
                let packed = ARCHIVE.get(start..start + packed_length)?;
                let (checksum, length) = (&ARCHIVE[entry + 16..entry + 20], &ARCHIVE[entry + 24..entry + 28]);
                return Some([&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 0xff], packed, checksum, length].concat());
            }
            entry += 46 + name_length + extra + comment;
        }
        None
    }

    fn two(at: usize) -> usize {
        usize::from(u16::from_le_bytes([ARCHIVE[at], ARCHIVE[at + 1]]))
    }

    fn four(at: usize) -> usize {
        two(at) | two(at + 2) << 16
    }
}
