//! Signatures that are none, or of something else.

use super::Row;
use crate::forge::Draft;
use crate::signers::Signer;
use crate::world::WORLD;

pub fn rows() -> Vec<Row> {
    [of_rsa(), of_curves(), of_others()].concat()
}

fn of_rsa() -> Vec<Row> {
    let ann = Draft::of_ann();
    let good = ann.signature();
    let wrong = |signature: &[u8]| Draft::of_ann().signed_as(signature);
    vec![
        ("a signature of zeros", "wrong_signature", wrong(&[0; 256])),
        ("a signature of ones", "wrong_signature", wrong(&[0xff; 256])),
        ("a signature that is cut", "wrong_signature", wrong(&good[..255])),
        ("a signature of one byte", "wrong_signature", wrong(&good[..1])),
        ("a signature that is longer", "wrong_signature", wrong(&[good.as_slice(), &[0]].concat())),
        ("a signature with a zero before it", "wrong_signature", wrong(&[&[0], good.as_slice()].concat())),
        ("a signature twice", "wrong_signature", wrong(&[good.as_slice(), &good].concat())),
        ("a signature backwards", "wrong_signature", wrong(&good.iter().rev().copied().collect::<Vec<_>>())),
        ("claims swapped under a signature", "wrong_signature", ann.clone().claim("preferred_username", "eve").signed_as(&good)),
        ("a header swapped under a signature", "wrong_signature", ann.clone().header("typ", "at+jwt").signed_as(&good)),
        ("claims of another honest token", "wrong_signature", ann.clone().claim("sub", "9").signed_as(&good)),
        ("PSS where PKCS#1 is said", "wrong_signature", {
            let pss = WORLD.provider.sign("PS256", ann.message().as_bytes());
            ann.signed_as(pss)
        }),
        ("SHA-512 where SHA-256 is said", "wrong_signature", {
            let longer = WORLD.provider.sign("RS512", ann.message().as_bytes());
            ann.signed_as(longer)
        }),
    ]
}

fn of_curves() -> Vec<Row> {
    let p256 = Draft::of_ann().by(&WORLD.p256, "p256");
    let p384 = Draft::of_ann().by(&WORLD.p384, "p384");
    let ed25519 = Draft::of_ann().by(&WORLD.ed25519, "ed");
    let good = p256.signature();
    let (r, s) = good.split_at(32);
    let zero = [0; 32].as_slice();
    let one = [&[0; 31], [1].as_slice()].concat();
    vec![
        ("a psychic signature, r = s = 0", "wrong_signature", p256.signed_as([0; 64])),
        ("a psychic signature on P-384", "wrong_signature", p384.signed_as([0; 96])),
        ("r = 0", "wrong_signature", p256.signed_as([zero, s].concat())),
        ("s = 0", "wrong_signature", p256.signed_as([r, zero].concat())),
        ("r = s = 1", "wrong_signature", p256.signed_as([one.as_slice(), &one].concat())),
        ("r = s = n", "wrong_signature", p256.signed_as([order(), order()].concat())),
        ("r + n in the place of r", "wrong_signature", p256.signed_as([[0xff; 32].as_slice(), s].concat())),
        ("r and s swapped", "wrong_signature", p256.signed_as([s, r].concat())),
        ("r and s in DER", "wrong_signature", p256.signed_as(der(r, s))),
        ("r and s with zeros before them", "wrong_signature", p256.signed_as([&[0], r, &[0], s].concat())),
        ("r alone", "wrong_signature", p256.signed_as(r)),
        ("an Ed25519 signature of zeros", "wrong_signature", ed25519.signed_as([0; 64])),
        ("an Ed25519 signature of the neutral point", "wrong_signature", ed25519.signed_as([[1].as_slice(), &[0; 63]].concat())),
        ("an Ed25519 signature with its other spelling", "wrong_signature", ed25519.signed_as(beyond(&ed25519.signature()))),
        ("an RSA signature under ES256", "wrong_signature", p256.signed_as(Draft::of_ann().signature())),
    ]
}

/// The order of P-256 (SEC 2, 2.4.2).
fn order() -> Vec<u8> {
    let hex = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    (0..32).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
}

fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| [&[2, 33, 0], number].concat();
    [&[0x30, 70], integer(r).as_slice(), &integer(s)].concat()
}

/// The order of the curve added to `s`, which is the same number to who does not look (RFC 8032, 8.4).
fn beyond(signature: &[u8]) -> Vec<u8> {
    let order = num_bigint::BigUint::from(2u8).pow(252)
        + "27742317777372353535851937790883648493".parse::<num_bigint::BigUint>().unwrap();
    let mut s = (num_bigint::BigUint::from_bytes_le(&signature[32..]) + order).to_bytes_le();
    s.resize(32, 0);
    [&signature[..32], &s].concat()
}

/// Keys that are not the issuer's.
fn of_others() -> Vec<Row> {
    let world = &*WORLD;
    let by = |signer: &'static Signer, key: &str| Draft::of_ann().by(signer, key).signed();
    vec![
        ("a stranger's key under the name of the issuer's", "wrong_signature", by(&world.stranger, "main")),
        ("another issuer's key under its own name", "unknown_key", by(&world.other, "other")),
        ("another issuer's key under the name of this one's", "wrong_signature", by(&world.other, "main")),
        ("the cluster's key under its own name", "unknown_key", by(&world.cluster, "cluster")),
        ("another key of the same issuer", "wrong_signature", by(&world.encrypting, "main")),
        ("the provider's key for a ServiceAccount", "unknown_key", Draft::of_chalk().by(&world.provider, "main").signed()),
        ("the provider's key for one, under the cluster's name", "wrong_signature", {
            Draft::of_chalk().by(&world.provider, "cluster").signed()
        }),
        (
            "a stranger's key without a name",
            "unknown_key",
            Draft::of_bob().by(&world.stranger, "").without_header("kid").signed(),
        ),
    ]
}
