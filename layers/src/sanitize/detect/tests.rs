use super::Strictness::{Strict, Text};
use super::{Hit, Strictness, cost, sql_injection, xss};

fn found(text: &str) -> bool {
    sql_injection(text, Text).is_some() || xss(text, Text).is_some()
}

/// Pieces that attacks are made of, put together at random.
const PIECES: &[&str] = &[
    "'",
    "\"",
    "`",
    "(",
    ")",
    "--",
    "/*",
    "*/",
    "#",
    " or ",
    "union ",
    "select ",
    "1",
    "=",
    "<",
    "<script",
    "on",
    "load=",
    "javascript:",
    "%",
    "27",
    "%3c",
    "&#",
    "x3c;",
    "\\x",
    "\\u",
    "é",
    "＜",
    "\0",
    "\n",
    ";",
    "@@",
    "a",
    "[",
    "$ne",
    "]",
    "{{",
    "::int",
    ",0x11111111,",
    "exec xp_",
    "0x",
    ".",
    "e(",
    "/*!",
    "into outfile",
    "waitfor delay",
    "as",
    "from",
    "!",
    "¼",
    "\u{2019}",
    "style=",
    "\u{1F600}",
    "%u",
    "\\u{",
];

/// A small xorshift generator: the same texts on every run.
struct Texts(u64);

impl Texts {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }

    fn text(&mut self) -> String {
        (0..self.below(14)).map(|_| PIECES[self.below(PIECES.len())]).collect()
    }
}

#[test]
fn a_condition_that_is_always_true_is_found_in_every_quoting() {
    for text in ["1 or 1=1", "x' or 1=1--", "x\" or \"a\"=\"a", "x') or ('a'='a", "x'/**/or/**/2=2#", "x' || 'a'='a"] {
        assert!(sql_injection(text, Text).is_some(), "{text}");
    }
}

#[test]
fn an_encoded_attack_is_found_two_levels_deep() {
    for text in ["x%27%20or%201=1--", "x%2527%2520or%25201=1--", "＇ or 1=1--"] {
        assert!(sql_injection(text, Text).is_some(), "{text}");
    }
    for text in ["%3Cscript%3E", "%253Cscript%253E", "&lt;script&gt;x", "\\u003cscript>", "＜script＞"] {
        assert!(xss(text, Text).is_some(), "{text}");
    }
}

#[test]
fn words_of_sql_in_prose_are_left_alone() {
    for text in [
        "I'll SELECT two apples from the UNION market",
        "Drop the table by the window; then call me -- thanks",
        "O'Brien and D'Souza",
        "3 > 2 and 2 > 1",
        "5'10\" or 6'2\"",
        "use '-' or '+' to zoom",
    ] {
        assert_eq!(sql_injection(text, Text), None, "{text}");
    }
}

#[test]
fn angle_brackets_in_prose_are_left_alone() {
    for text in
        ["a < b and c > d", "I <3 you", "x<y", "Vec<String>", "List<Object> x = y", "the <script> tag", "<b>hi</b>"]
    {
        assert_eq!(xss(text, Text), None, "{text}");
    }
}

#[test]
fn names_and_addresses_hold_no_markup_but_may_quote_an_address() {
    assert!(xss("<b>Ada</b>", Strict).is_some());
    assert_eq!(xss("<b>Ada</b>", Text), None);
    assert_eq!(xss("Ada <ada@example.com>", Strict), None);
    assert_eq!(xss("O'Brien", Strict), None);
}

#[test]
fn the_place_of_a_finding_is_given_in_the_text_as_it_came() {
    let text = "héllo <script>x";
    assert_eq!(xss(text, Text).map(|hit| &text[hit.start..hit.end]), Some("<script>x"));
    let text = "é %3Cscript%3Ex()";
    let hit = xss(text, Text).unwrap();
    assert_eq!(hit.start, text.find('%').unwrap());
}

#[test]
fn no_text_makes_a_detector_panic_or_point_outside_of_it() {
    let mut texts = Texts(0x9e37_79b9_7f4a_7c15);
    for _ in 0..20_000 {
        let text = texts.text();
        for strictness in [Text, Strict] {
            for hit in [sql_injection(&text, strictness), xss(&text, strictness)].into_iter().flatten() {
                let Hit { start, end, why } = hit;
                assert!(start < end && text.get(start..end).is_some() && !why.is_empty(), "{text:?}: {hit:?}");
            }
        }
    }
}

#[test]
fn strict_fields_refuse_whatever_free_text_refuses() {
    let mut texts = Texts(0x1234_5678_9abc_def0);
    let refuses =
        |detect: fn(&str, Strictness) -> Option<Hit>, text: &str, strictness| detect(text, strictness).is_some();
    for _ in 0..20_000 {
        let text = texts.text();
        for detect in [sql_injection, xss] {
            assert!(!refuses(detect, &text, Text) || refuses(detect, &text, Strict), "{text:?}");
        }
    }
}

#[test]
fn the_work_grows_with_the_length_of_the_text_only() {
    let work = |text: &str| {
        cost::take();
        let _ = found(text);
        cost::take()
    };
    for piece in PIECES {
        let text = |length: usize| piece.repeat(length / piece.len());
        let (short, long) = (work(&text(20_000)), work(&text(80_000)));
        // Four times the text; the constant is what the anchored views may read of any text.
        assert!(long <= 4 * short + 100_000, "{piece:?} costs {short}, then {long}");
        assert!(long <= 40 * 80_000, "{piece:?} costs {long}");
    }
}
