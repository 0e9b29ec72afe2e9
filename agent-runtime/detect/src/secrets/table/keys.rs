//! Private keys, and tokens of no single vendor.

use crate::secrets::check::{encoded_private_key, jwt, random, three_cases};
use crate::secrets::row::{Row, block, inside, near, token};

pub(super) const ROWS: &[Row] = &[
    block("private-key", &["-----BEGIN PRIVATE KEY-----"]),
    block("encrypted-private-key", &["-----BEGIN ENCRYPTED PRIVATE KEY-----"]),
    block("rsa-private-key", &["-----BEGIN RSA PRIVATE KEY-----"]),
    block("ec-private-key", &["-----BEGIN EC PRIVATE KEY-----"]),
    block("dsa-private-key", &["-----BEGIN DSA PRIVATE KEY-----"]),
    block("openssh-private-key", &["-----BEGIN OPENSSH PRIVATE KEY-----"]),
    block("pgp-private-key", &["-----BEGIN PGP PRIVATE KEY BLOCK-----"]),
    block("openvpn-static-key", &["-----BEGIN OpenVPN Static key V1-----"]),
    token("putty-private-key", &["Private-Lines: "], r"\d{1,3}[\s\\rn]{1,4}([\a+/=\s]{40,})").check(random),
    token("encoded-private-key", &["LS0tLS1CRUdJTi"], r"[\a+/]{60,}={0,2}").check(encoded_private_key),
    token("age-secret-key", &["AGE-SECRET-KEY-1"], "[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}"),
    token("jwk-private-key", &["\"d\":\"", "\"d\": \""], r"([\w\-]{42,700})").check(three_cases),
    inside("jwt", r"[\w\-]{10,}", &[".eyJ"], r"[\w\-]{2,}.[\w\-]{8,}").check(jwt),
    near("wireguard-private-key", &["privatekey", "presharedkey", "private_key", "preshared_key"], r"[\a+/]{43}=")
        .check(three_cases),
    token("bitcoin-extended-private-key", &["xprv", "yprv", "zprv"], r"[1-9A-HJ-NP-Za-km-z]{107,108}"),
    near("bitcoin-private-key", &["wif", "bitcoin", "btc_priv"], r"[5KL]{1}[1-9A-HJ-NP-Za-km-z]{50,51}"),
    near("ethereum-private-key", &["private_key", "privatekey", "private key", "deployer_key"], r"[0x]{0,2}[\xA-F]{64}"),
    near("laravel-app-key", &["app_key"], r"base64:[\a+/]{43}="),
    near("django-secret-key", &["secret_key"], r"[a-z0-9!@#$%^&*(\-_=+)]{50}"),
    near("rails-master-key", &["rails_master_key", "secret_key_base"], r"\x{32,128}"),
    near("fernet-key", &["fernet"], r"[\w\-]{43}=").check(three_cases),
];
