use super::*;

/// Hashes made by passlib 1.7 and argon2-cffi for these passwords, with lowered costs.
const VECTORS: &[(&str, &str)] = &[
    ("gate of horn", "$2a$04$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm"),
    ("gate of horn", "$2b$04$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm"),
    ("gate of horn", "$2y$04$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm"),
    ("gate of horn", "$bcrypt-sha256$v=2,t=2b,r=4$Kz1Yv9c0Qe7mWn3TbR5s6u$FMVtDbxBUUBMdL..uKMg/1.pGLPnUCe"),
    ("gate of horn", "$scrypt$ln=4,r=8,p=1$c2l4dGVlbiBieXRlIHNhbA$T2dC/VF5SV2YRtxzDlPpELViXw6KLP1AFk8ocIFJjGc"),
    ("gate of horn", "$scrypt$ln=5,r=4,p=3$cw$pJVK6+OpnhXDszDpI93zdMQgyvt8qG2EaNV36TlV2NM"),
    ("gate of horn", "$pbkdf2-sha256$37$//77//77//77//77//77$nGg3cS7I1yhl5JFk066wp3fN1Ts1lr7Ft.OO1QjgFYU"),
    ("gate of horn", "pbkdf2_sha256$37$Zx81plus4$MtQxV3DjBkvvGYr65yXChAWBtWSZtjZvCiCgyZc1+FA="),
    ("gate of horn", "$argon2id$v=19$m=64,t=2,p=2$c2l4dGVlbiBieXRlIHNhbA$EXg7vZWfo2TuWN6xdBPglIWuO52QqjqS5aJgWL38P1o"),
    ("Пароль von Zoë ✓", "$2b$04$Kz1Yv9c0Qe7mWn3TbR5s6u7.qdGhCoT4ef0kaidgK1fe5mEnFdIGW"),
    ("Пароль von Zoë ✓", "$bcrypt-sha256$v=2,t=2b,r=4$Kz1Yv9c0Qe7mWn3TbR5s6u$hdp.JRDsY40lLlhbj.RSyyPkiI9mzU6"),
    ("Пароль von Zoë ✓", "$pbkdf2-sha256$37$//77//77//77//77//77$msUSbbaxfskehDchbq2Rx7HNyRGHaMMxFjdI1fyj.fA"),
    ("abc\0def", "$bcrypt-sha256$v=2,t=2b,r=4$Kz1Yv9c0Qe7mWn3TbR5s6u$u4FRUPNIWHczPVwhs5Mbwit1RiR7Tkq"),
    ("abc\0def", "$scrypt$ln=4,r=8,p=1$c2l4dGVlbiBieXRlIHNhbA$J7iwO2vA7Gyi6GctS4oMRDGfOmQUk4uIdGQb0hfGKCw"),
    ("abc\0def", "pbkdf2_sha256$37$Zx81plus4$kLSuxG05UpNQ5H39U93561mMO/O5+BprRaCBIxjVidQ="),
    ("abc\0def", "$argon2id$v=19$m=64,t=2,p=2$c2l4dGVlbiBieXRlIHNhbA$rg+mnJRnUYDmN5PnTsYAXkbs4wRgm9ZuLFd6ISL2iXY"),
    ("gate of horn", "$pbkdf2-sha256$i=37,l=32$//77//77//77//77//77$nGg3cS7I1yhl5JFk066wp3fN1Ts1lr7Ft+OO1QjgFYU"),
    ("gate of horn", "bcrypt$$2b$04$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm"),
    (
        "gate of horn",
        "argon2$argon2id$v=19$m=64,t=2,p=2$c2l4dGVlbiBieXRlIHNhbA$EXg7vZWfo2TuWN6xdBPglIWuO52QqjqS5aJgWL38P1o",
    ),
];

const SALT: [u8; SALT_LENGTH] = *b"sixteen byte sal";
const BCRYPT_4: Algorithm = Algorithm::Bcrypt { cost: 4 };
const SMALL_ARGON: Algorithm = Algorithm::Argon2id { memory_kib: 64, iterations: 2, parallelism: 2 };

#[test]
fn hashes_made_elsewhere_open_for_their_password_only() {
    for (password, stored) in VECTORS {
        assert_eq!(verify(password, stored), Ok(Verdict::Right), "{stored}");
        for wrong in ["", "gate of ivory", "abc", &format!("{password} "), &password.to_uppercase()] {
            assert_eq!(verify(wrong, stored), Ok(Verdict::Wrong), "{wrong:?} against {stored}");
        }
    }
}

#[test]
fn a_new_hash_is_the_text_that_other_implementations_write() {
    let salt = bcrypt::decode("Kz1Yv9c0Qe7mWn3TbR5s6u", &".".repeat(31)).unwrap().0;
    let written = |password: &str, algorithm, salt| hash(password, algorithm, salt).unwrap();
    assert_eq!(written("gate of horn", BCRYPT_4, salt), VECTORS[1].1);
    assert_eq!(written("abc\0def", BCRYPT_4, salt), VECTORS[12].1);
    assert_eq!(written("gate of horn", SMALL_ARGON, SALT), VECTORS[8].1);
    let long = "The quick brown fox jumps over the lazy dog, then rests. ".repeat(2);
    assert_eq!(
        written(&long, BCRYPT_4, salt),
        "$bcrypt-sha256$v=2,t=2b,r=4$Kz1Yv9c0Qe7mWn3TbR5s6u$Dnjoh2j.sUnNXmOApDTDftzZ56cHcgu"
    );
}

#[test]
fn the_prehash_begins_where_bcrypt_would_truncate() {
    for (password, prefix) in [
        ("x".repeat(70), "$2b$04$"),
        ("x".repeat(71), "$2b$04$"),
        ("x".repeat(72), "$bcrypt-sha256$v=2,t=2b,r=4$"),
        ("x".repeat(73), "$bcrypt-sha256$v=2,t=2b,r=4$"),
        ("é".repeat(35), "$2b$04$"),
        ("é".repeat(36), "$bcrypt-sha256$v=2,t=2b,r=4$"),
        ("abc\0abc".to_owned(), "$bcrypt-sha256$v=2,t=2b,r=4$"),
    ] {
        let stored = hash(&password, BCRYPT_4, SALT).unwrap();
        assert!(stored.starts_with(prefix), "{} bytes: {stored}", password.len());
        assert_eq!(verify(&password, &stored), Ok(Verdict::Right));
    }
}

#[test]
fn passwords_that_share_72_bytes_or_all_before_a_nul_are_different() {
    let shared = "x".repeat(72);
    let nul = "abc\0".to_owned();
    for (algorithm, one, other) in [
        (BCRYPT_4, format!("{shared}a"), format!("{shared}b")),
        (BCRYPT_4, format!("{shared}a"), shared.clone()),
        (BCRYPT_4, format!("{nul}a"), format!("{nul}b")),
        (BCRYPT_4, "abc".to_owned(), nul.clone()),
        (BCRYPT_4, "abc".to_owned(), "abc\0abc".to_owned()),
        (SMALL_ARGON, format!("{shared}a"), format!("{shared}b")),
        (SMALL_ARGON, "abc".to_owned(), nul.clone()),
    ] {
        for (chosen, tried) in [(&one, &other), (&other, &one)] {
            let stored = hash(chosen, algorithm, SALT).unwrap();
            assert_eq!(verify(chosen, &stored), Ok(Verdict::Right));
            assert_eq!(verify(tried, &stored), Ok(Verdict::Wrong), "{tried:?} opens what {chosen:?} closed");
        }
    }
}

#[test]
fn an_imported_bcrypt_hash_of_a_truncated_password_opens_for_nobody() {
    let of_72_bytes = "$2b$04$Kz1Yv9c0Qe7mWn3TbR5s6uFWnTxZtAZbVprrjoTR/O10s5PpCUGIS";
    for length in [71, 72, 73] {
        assert_eq!(verify(&"x".repeat(length), of_72_bytes), Ok(Verdict::Wrong), "{length}");
    }
    let of_71_bytes = "$2b$04$Kz1Yv9c0Qe7mWn3TbR5s6ulMasByd92M7mhuAK4psHilUOuJ77/xi";
    assert_eq!(verify(&"x".repeat(71), of_71_bytes), Ok(Verdict::Right));
    assert_eq!(verify(&"x".repeat(72), of_71_bytes), Ok(Verdict::Wrong));
}

#[test]
fn a_password_of_a_megabyte_is_refused_before_any_work() {
    let password = "x".repeat(1 << 20);
    assert_eq!(hash(&password, Algorithm::default(), SALT), Err(HashError::PasswordTooLong));
    for (_, stored) in VECTORS {
        assert_eq!(verify(&password, stored), Err(HashError::PasswordTooLong), "{stored}");
    }
    assert!(hash(&"x".repeat(MAX_PASSWORD_BYTES), BCRYPT_4, SALT).is_ok());
}

#[test]
fn a_stored_hash_above_its_ceiling_is_refused_unread() {
    let (salt, digest) = ("c2l4dGVlbiBieXRlIHNhbA", "EXg7vZWfo2TuWN6xdBPglIWuO52QqjqS5aJgWL38P1o");
    for (stored, format) in [
        ("$2b$15$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm".to_owned(), Format::Bcrypt),
        ("$2b$31$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm".to_owned(), Format::Bcrypt),
        ("$2b$99$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm".to_owned(), Format::Bcrypt),
        (VECTORS[3].1.replace("r=4", "r=15"), Format::BcryptSha256),
        (format!("$argon2id$v=19$m=262145,t=1,p=1${salt}${digest}"), Format::Argon2id),
        (format!("$argon2id$v=19$m=4294967295,t=4294967295,p=1${salt}${digest}"), Format::Argon2id),
        (format!("$argon2id$v=19$m=64,t=11,p=1${salt}${digest}"), Format::Argon2id),
        (format!("$argon2id$v=19$m=262144,t=5,p=1${salt}${digest}"), Format::Argon2id),
        (format!("$argon2id$v=19$m=1024,t=1,p=17${salt}${digest}"), Format::Argon2id),
        (format!("$scrypt$ln=18,r=1,p=1${salt}${digest}"), Format::Scrypt),
        (format!("$scrypt$ln=63,r=8,p=1${salt}${digest}"), Format::Scrypt),
        (format!("$scrypt$ln=17,r=9,p=1${salt}${digest}"), Format::Scrypt),
        (format!("$scrypt$ln=4,r=4294967295,p=4294967295${salt}${digest}"), Format::Scrypt),
        (format!("$scrypt$ln=17,r=8,p=3${salt}${digest}"), Format::Scrypt),
        (format!("$pbkdf2-sha256$2000001${salt}${digest}"), Format::Pbkdf2),
        (format!("pbkdf2_sha256$99999999999$salt${digest}="), Format::Pbkdf2),
    ] {
        assert_eq!(verify("gate of horn", &stored), Err(HashError::TooCostly(format)), "{stored}");
        assert!(needs_rehash(&stored, Algorithm::default()));
    }
}

#[test]
fn what_frameworks_write_by_default_lies_below_the_ceilings() {
    let (salt, digest) = ("c2l4dGVlbiBieXRlIHNhbA", "EXg7vZWfo2TuWN6xdBPglIWuO52QqjqS5aJgWL38P1o");
    for stored in [
        "$2y$12$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm".to_owned(),
        format!("$argon2id$v=19$m=102400,t=2,p=8${salt}${digest}"),
        format!("$argon2id$v=19$m=65536,t=3,p=4${salt}${digest}"),
        format!("$scrypt$ln=16,r=8,p=1${salt}${digest}"),
        format!("$scrypt$ln=17,r=8,p=1${salt}${digest}"),
        format!("$scrypt$ln=14,r=8,p=5${salt}${digest}"),
        format!("$pbkdf2-sha256$29000${salt}${digest}"),
        format!("pbkdf2_sha256$1200000$salt${digest}="),
    ] {
        assert!(Stored::parse(&stored).is_ok(), "{stored}");
    }
}

#[test]
fn a_stored_text_that_breaks_its_format_is_an_error_and_never_a_match() {
    let (salt, digest) = ("c2l4dGVlbiBieXRlIHNhbA", "EXg7vZWfo2TuWN6xdBPglIWuO52QqjqS5aJgWL38P1o");
    for (stored, expected) in [
        (String::new(), HashError::Unsupported),
        ("gate of horn".to_owned(), HashError::Unsupported),
        ("$1$abcdefgh$irWbblnpmw.5z7wgBnprh0".to_owned(), HashError::Unsupported),
        (format!("$argon2i$v=19$m=64,t=2,p=2${salt}${digest}"), HashError::Unsupported),
        (
            "$2x$04$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm".to_owned(),
            HashError::Malformed(Format::Bcrypt),
        ),
        (
            "$2b$4$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm".to_owned(),
            HashError::Malformed(Format::Bcrypt),
        ),
        (
            "$2b$+4$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm".to_owned(),
            HashError::Malformed(Format::Bcrypt),
        ),
        (
            "$2b$04$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37r".to_owned(),
            HashError::Malformed(Format::Bcrypt),
        ),
        (
            "$2b$04$Kz1Yv9c0Qe7mWn3TbR5s6éFNXakIbHwE2XfpvinCeoPKToXUW37rm".to_owned(),
            HashError::Malformed(Format::Bcrypt),
        ),
        (
            "$2b$03$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm".to_owned(),
            HashError::TooCheap(Format::Bcrypt),
        ),
        (VECTORS[3].1.replace("v=2", "v=3"), HashError::Malformed(Format::BcryptSha256)),
        (VECTORS[3].1.replace("r=4", "r=04"), HashError::Malformed(Format::BcryptSha256)),
        (format!("$argon2id$v=16$m=64,t=2,p=2${salt}${digest}"), HashError::Malformed(Format::Argon2id)),
        (format!("$argon2id$v=19$m=64,t=2,p=2,keyid=AA${salt}${digest}"), HashError::Malformed(Format::Argon2id)),
        (format!("$argon2id$v=19$m=64,t=2,p=2${salt}$AAAA"), HashError::Malformed(Format::Argon2id)),
        (format!("$argon2id$v=19$m=7,t=2,p=1${salt}${digest}"), HashError::TooCheap(Format::Argon2id)),
        (format!("$argon2id$v=19$m=64,t=0,p=1${salt}${digest}"), HashError::TooCheap(Format::Argon2id)),
        (format!("$scrypt$ln=4,r=0,p=1${salt}${digest}"), HashError::TooCheap(Format::Scrypt)),
        (format!("$scrypt$ln=4,r=8,p=1${salt}$"), HashError::Malformed(Format::Scrypt)),
        (format!("$pbkdf2-sha256$0${salt}${digest}"), HashError::TooCheap(Format::Pbkdf2)),
        (format!("$pbkdf2-sha256$37${salt}$AAAA"), HashError::Malformed(Format::Pbkdf2)),
        (format!("pbkdf2_sha256$37$salt${digest}"), HashError::Malformed(Format::Pbkdf2)),
    ] {
        assert_eq!(verify("gate of horn", &stored), Err(expected), "{stored}");
    }
}

#[test]
fn a_hash_is_replaced_when_todays_would_differ() {
    let argon = |m| Algorithm::Argon2id { memory_kib: m, iterations: 2, parallelism: 2 };
    let [of_2a, of_2b, of_2y, prehashed] = [0, 1, 2, 3].map(|index: usize| VECTORS[index].1);
    for (stored, algorithm, expected) in [
        (of_2b, BCRYPT_4, false),
        (of_2b, Algorithm::Bcrypt { cost: 5 }, true),
        (of_2a, BCRYPT_4, true),
        (of_2y, BCRYPT_4, true),
        (prehashed, BCRYPT_4, false),
        (prehashed, Algorithm::Bcrypt { cost: 5 }, true),
        (of_2b, argon(64), true),
        (VECTORS[8].1, argon(64), false),
        (VECTORS[8].1, argon(128), true),
        (VECTORS[8].1, BCRYPT_4, true),
        (VECTORS[4].1, BCRYPT_4, true),
        (VECTORS[6].1, argon(64), true),
        ("unreadable", BCRYPT_4, true),
    ] {
        assert_eq!(needs_rehash(stored, algorithm), expected, "{stored} under {algorithm:?}");
    }
}

#[test]
fn the_dummy_is_a_current_hash_of_the_configured_cost_that_opens_for_nothing() {
    for algorithm in [BCRYPT_4, Algorithm::default(), SMALL_ARGON, Algorithm::argon2id()] {
        let dummy = dummy(algorithm);
        assert!(!needs_rehash(&dummy, algorithm), "{dummy}");
        assert_eq!(Stored::parse(&dummy).unwrap().format(), algorithm.format());
    }
    for password in ["", "password", "dummy"] {
        assert_eq!(verify(password, &dummy(BCRYPT_4)), Ok(Verdict::Wrong));
        assert_eq!(verify(password, &dummy(SMALL_ARGON)), Ok(Verdict::Wrong));
    }
}

#[test]
fn parameters_out_of_bounds_hash_nothing() {
    for (algorithm, expected) in [
        (Algorithm::Bcrypt { cost: 3 }, HashError::TooCheap(Format::Bcrypt)),
        (Algorithm::Bcrypt { cost: 15 }, HashError::TooCostly(Format::Bcrypt)),
        (Algorithm::Bcrypt { cost: u32::MAX }, HashError::TooCostly(Format::Bcrypt)),
        (
            Algorithm::Argon2id { memory_kib: 1 << 20, iterations: 2, parallelism: 1 },
            HashError::TooCostly(Format::Argon2id),
        ),
        (Algorithm::Argon2id { memory_kib: 8, iterations: 1, parallelism: 2 }, HashError::TooCheap(Format::Argon2id)),
    ] {
        assert_eq!(hash("gate of horn", algorithm, SALT), Err(expected), "{algorithm:?}");
    }
    assert_eq!(Algorithm::default().check(), Ok(()));
    assert_eq!(Algorithm::argon2id().check(), Ok(()));
}

#[test]
fn debug_shows_the_format_of_a_hash_and_nothing_of_its_digest() {
    let shown = format!("{:?}", Stored::parse(VECTORS[1].1).unwrap());
    assert_eq!(shown, "Stored(bcrypt)");
}
