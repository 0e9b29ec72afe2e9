//! A token that is not exactly the one that was issued is refused.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::forge::Draft;
use crate::signers::base64url;
use crate::world::{WORLD, authenticator, bearer};

/// Signed once: ECDSA signs otherwise each time.
static TOKENS: LazyLock<Vec<(&str, String)>> = LazyLock::new(|| {
    let world = &*WORLD;
    vec![
        ("RS256", Draft::of_ann().signed()),
        ("PS256", Draft::of_ann().by(&world.pss, "pss").with("PS256").signed()),
        ("ES256", Draft::of_ann().by(&world.p256, "p256").signed()),
        ("EdDSA", Draft::of_ann().by(&world.ed25519, "ed").signed()),
        ("of a cluster", Draft::of_chalk().signed()),
    ]
});

#[test]
fn no_bit_of_header_claims_or_signature_may_be_another() {
    let authenticator = authenticator();
    for (label, token) in &*TOKENS {
        let parts: Vec<_> = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
        let parts: [Vec<u8>; 3] = parts.try_into().unwrap();
        for (index, bit) in (0..3).flat_map(|index| (0..parts[index].len() * 8).map(move |bit| (index, bit))) {
            let mut flipped = parts.clone();
            flipped[index][bit / 8] ^= 1 << (bit % 8);
            let flipped = flipped.map(base64url).join(".");
            assert!(bearer(&authenticator, &flipped).is_err(), "{label}: bit {bit} of part {index}");
        }
    }
}

#[test]
fn no_bit_of_the_text_may_be_another() {
    let authenticator = authenticator();
    for (label, token) in &*TOKENS {
        for bit in 0..token.len() * 8 {
            let mut bytes = token.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let Ok(flipped) = String::from_utf8(bytes) else { continue };
            assert!(bearer(&authenticator, &flipped).is_err(), "{label}: bit {bit}");
        }
    }
}

/// A piece of a token in the place of another.
fn splice() -> impl Strategy<Value = (Index, Index, Index, Index)> {
    (any::<Index>(), any::<Index>(), any::<Index>(), any::<Index>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if std::env::var_os("SKREAVER_SOAK").is_some() { 50_000 } else { 500 }))]

    #[test]
    fn no_token_made_of_pieces_of_two_is_taken((into, cut, from, length) in splice(), a in 0usize..5, b in 0usize..5) {
        let ((_, first), (_, second)) = (&TOKENS[a], &TOKENS[b]);
        let (into, from) = (into.index(first.len()), from.index(second.len()));
        let (cut, length) = (cut.index(first.len() - into), length.index(second.len() - from));
        let spliced = format!("{}{}{}", &first[..into], &second[from..from + length], &first[into + cut..]);
        prop_assume!(spliced != *first && spliced != *second);
        prop_assert!(bearer(&authenticator(), &spliced).is_err(), "{}", spliced);
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,80}", header in any::<Vec<u8>>(), claims in any::<Vec<u8>>()) {
        let authenticator = authenticator();
        prop_assert!(bearer(&authenticator, &text).is_err());
        let parts = format!("{}.{}.{}", base64url(header), base64url(claims), base64url("signature"));
        prop_assert!(bearer(&authenticator, &parts).is_err());
    }
}
