use super::*;

const ZOE: Context<'_> =
    Context { email_local_part: "z.mueller+list", first_name: "Zoë-Marie", last_name: "Großmann" };

fn codes(password: &str) -> Vec<&'static str> {
    let faults = PasswordPolicy::default().check(password, &ZOE).err().unwrap_or_default();
    faults.into_iter().map(PasswordFault::code).collect()
}

#[test]
fn good_passwords_of_any_script_and_shape_pass() {
    for password in [
        "SecurePass123!",
        "correct horse battery staple",
        "  spaces at both ends  ",
        "tamarisk",
        "xkqzvwjy",
        "83649201754",
        "!§$%&/()=?`´",
        "пусть всегда",
        "密码很长但是很好",
        "🦀🦀🦀🦀🦀🦀🦀🦀",
        "e\u{301}e\u{301}e\u{301}e\u{301}",
        "tab\tand\nline",
        "nul\0inside",
        "mypassword-is-no-such",
        "password in a sentence",
        "Zoë-Marie und Hund",
        "GroßmannXy",
        "portcullis raised",
        "list1234567x",
    ] {
        assert_eq!(codes(password), [""; 0], "{password:?}");
    }
}

#[test]
fn common_passwords_are_refused_in_any_case_and_with_a_tail_of_digits_and_signs() {
    for password in [
        "password",
        "PASSWORD",
        "Password1",
        "Password123!",
        "pAsSwOrD!!!???",
        "p@ssw0rd",
        "qwerty123456",
        "Qwertyuiop",
        "iloveyou1",
        "ILoveYou!1",
        "Welcome2024!",
        "12345678",
        "1234567890",
        "123456789!",
        "Trustno1!",
        "letmein1234",
        "Dragon#2026",
        "football99",
        "\u{212a}ristina1",
        "ПАРОЛЬ123!",
        "Sunshine…",
        "password🦀",
        "password   ",
        "baseball\u{662}\u{660}",
    ] {
        assert_eq!(codes(password), ["too_common"], "{password:?}");
    }
}

#[test]
fn words_about_the_person_and_the_service_are_refused() {
    for password in [
        "z.mueller+list",
        "Z.Mueller+List2026",
        "zoë-marie",
        "ZOË-MARIE1!",
        "großmann",
        "GROSSMANN99",
        "Zoë-MarieGroßmann",
        "zoë-marie grossmann!",
        "Portcullis",
        "PORTCULLIS2026!",
    ] {
        assert_eq!(codes(password), ["contains_context"], "{password:?}");
    }
}

#[test]
fn words_under_four_code_points_are_ignored() {
    let context = Context { email_local_part: "ana", first_name: "Ana", last_name: "Li" };
    let policy = PasswordPolicy { min_length: 3 };
    assert_eq!(policy.check("Li12345678", &context), Ok(()));
    assert_eq!(policy.check("Ana Li 2026", &context), Err(vec![PasswordFault::ContainsContext]));
    assert_eq!(PasswordPolicy::default().check("xkqzvwjy", &Context::default()), Ok(()));
}

#[test]
fn length_counts_code_points_and_its_bounds_are_inclusive() {
    for (password, expected) in [
        ("tamarix", vec!["too_short"]),
        ("tamarisk", vec![]),
        ("é€🦀é€🦀é", vec!["too_short"]),
        ("é€🦀é€🦀é€", vec![]),
        ("", vec!["too_short"]),
        ("123456", vec!["too_short", "too_common"]),
        (&"ü€".repeat(64), vec![]),
        (&"🦀".repeat(128), vec![]),
        (&"🦀".repeat(129), vec!["too_long"]),
        (&"x".repeat(128), vec![]),
        (&"x".repeat(129), vec!["too_long"]),
        (&"x".repeat(1 << 20), vec!["too_long"]),
    ] {
        assert_eq!(codes(password), expected, "{} bytes", password.len());
    }
}

#[test]
fn the_minimum_is_the_policys() {
    let policy = PasswordPolicy { min_length: 12 };
    assert_eq!(policy.check("tamarisk", &ZOE), Err(vec![PasswordFault::TooShort { min: 12 }]));
    assert_eq!(PasswordFault::TooShort { min: 12 }.to_string(), "must have at least 12 characters");
}
