//! Cuts a text into SQL tokens: the union of what the common databases accept.

use super::super::bytes::{is_blank, is_word, word_end};
use super::super::cost;
use super::words::{self, Kind};

/// One token and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether a quoted token ended with the text instead of with its quote.
    pub(super) open: bool,
}

/// Reads tokens from left to right; cheap to clone for looking ahead.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    /// Whether a comment has been crossed so far.
    pub(super) commented: bool,
}

impl<'a> Lexer<'a> {
    pub(super) const fn new(text: &'a [u8], at: usize) -> Self {
        Self { text, at, commented: false }
    }

    pub(super) const fn position(&self) -> usize {
        self.at
    }

    pub(super) fn peek(&self) -> Option<Token> {
        self.clone().next()
    }

    /// The kind of the next token, if there is one.
    pub(super) fn ahead(&self) -> Option<Kind> {
        self.peek().map(|token| token.kind)
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    /// Crosses white space and comments; a comment that runs to the end of the text is a token instead.
    fn skip(&mut self) -> Option<Token> {
        while self.at < self.text.len() {
            let rest = &self.text[self.at..];
            match rest {
                [byte, ..] if is_blank(*byte) => self.at += 1,
                [0xc2, 0xa0, ..] => self.at += 2,
                // MySQL runs what stands in such a comment.
                [b'/', b'*', b'!', digits @ ..] => {
                    self.at += 3 + digits.iter().take(6).take_while(|byte| byte.is_ascii_digit()).count();
                    self.commented = true;
                }
                [b'*', b'/', ..] if self.commented => self.at += 2,
                [b'/', b'*', ..] | [b'-', b'-', ..] | [b'#', ..] => {
                    let length = comment(rest);
                    self.commented = true;
                    let start = self.at;
                    match length {
                        Some(length) => self.at += length,
                        None => {
                            self.at = self.text.len();
                            return Some(Token { kind: Kind::Comment, start, end: self.at, open: true });
                        }
                    }
                }
                _ => return None,
            }
        }
        None
    }

    fn quoted(&mut self, quote: u8, kind: Kind, start: usize) -> Token {
        let (content_end, open) = string_end(self.text, self.at + 1, quote);
        self.at = if open { content_end } else { content_end + 1 };
        Token { kind, start, end: self.at, open }
    }

    fn number(&mut self) -> Kind {
        let rest = &self.text[self.at..];
        let count = |from: usize, test: fn(&u8) -> bool| rest[from..].iter().take_while(|byte| test(byte)).count();
        let length = match rest {
            [b'0', b'x' | b'X', digit, ..] if digit.is_ascii_hexdigit() => 2 + count(2, u8::is_ascii_hexdigit),
            _ => {
                let mut length = count(0, u8::is_ascii_digit);
                if rest.get(length) == Some(&b'.') {
                    length += 1;
                    length += count(length, u8::is_ascii_digit);
                }
                if let [b'e' | b'E', digit, ..] = &rest[length..]
                    && digit.is_ascii_digit()
                {
                    length += 1;
                    length += count(length, u8::is_ascii_digit);
                }
                length
            }
        };
        let glued = rest.get(length).is_some_and(|&byte| is_word(byte));
        if glued && !rest[..length].contains(&b'.') {
            let end = word_end(self.text, self.at);
            // `1and 2`: a keyword needs no blank after a number; anything else makes it a name, such as `60s`.
            let tail = words::classify(&self.text[self.at + length..end]);
            if matches!(tail, Kind::Word | Kind::Function | Kind::Verb | Kind::Clause | Kind::Constant | Kind::Modifier)
            {
                self.at = end.max(self.at + 1);
                return Kind::Word;
            }
        }
        self.at += length.max(1);
        Kind::Number
    }

    fn word(&mut self) -> Token {
        let start = self.at;
        let mut end = word_end(self.text, start);
        while words::classify(&self.text[start..end]) == Kind::Word {
            // `database..table` leaves the schema out.
            let dots = self.text[end..].iter().take(2).take_while(|&&byte| byte == b'.').count();
            if dots == 0 || !self.text.get(end + dots).is_some_and(|&byte| is_word(byte)) {
                break;
            }
            end = word_end(self.text, end + dots).max(end + dots + 1);
        }
        self.at = end;
        let word = &self.text[start..end];
        let next = self.byte(0);
        if matches!(next, b'\'' | b'"') && words::is_string_prefix(word) {
            return self.quoted(next, Kind::Text, start);
        }
        if next == b'&' && self.byte(1) == b'\'' && matches!(word, b"U" | b"u") {
            self.at += 1;
            return self.quoted(b'\'', Kind::Text, start);
        }
        Token { kind: words::classify(word), start, end, open: false }
    }

    fn variable(&mut self) -> Kind {
        while self.byte(0) == b'@' {
            self.at += 1;
        }
        match self.byte(0) {
            quote @ (b'\'' | b'"' | b'`') => {
                self.quoted(quote, Kind::Variable, self.at);
            }
            _ => self.at = word_end(self.text, self.at),
        }
        Kind::Variable
    }

    /// The length of the name in `{d '2020-01-01'}`, `{x 1}`: escapes of ODBC.
    fn escape_name(&self) -> usize {
        const LONGEST: usize = 2;
        let rest = &self.text[self.at + 1..];
        let length = rest.iter().take(LONGEST).take_while(|byte| byte.is_ascii_alphabetic()).count();
        let value = rest.get(length..).map(<[u8]>::trim_ascii_start).and_then(<[u8]>::first);
        if value.is_some_and(|&byte| matches!(byte, b'\'' | b'"') || byte.is_ascii_digit()) { length } else { 0 }
    }

    /// The length of `[name]`, which is how Microsoft's databases quote one.
    fn bracketed(&self) -> Option<usize> {
        const LONGEST: usize = 32;
        let rest = &self.text[self.at + 1..];
        let length = rest.iter().take(LONGEST).take_while(|&&byte| is_word(byte)).count();
        (length > 0 && !rest[0].is_ascii_digit() && rest.get(length) == Some(&b']')).then_some(length + 2)
    }

    fn symbol(&mut self) -> Kind {
        let (kind, length) = match (self.byte(0), self.byte(1)) {
            (b'<', b'=') if self.byte(2) == b'>' => (Kind::Compare, 3),
            (b'|', b'|') | (b'&', b'&') => (Kind::Logic, 2),
            (b'<' | b'>' | b'!' | b':' | b'=', b'=') | (b'<', b'>') => (Kind::Compare, 2),
            (b'!', b'<' | b'>') => (Kind::Compare, 2),
            (b'<', b'<') | (b'>', b'>') => (Kind::Operator, 2),
            (b':', b':') => (Kind::Cast, 2),
            (b'=' | b'<' | b'>', _) => (Kind::Compare, 1),
            (b'+' | b'-' | b'*' | b'/' | b'%' | b'^' | b'|' | b'&', _) => (Kind::Operator, 1),
            (b'~' | b'!', _) => (Kind::Not, 1),
            (b'(', _) => (Kind::Open, 1),
            (b'{', _) => (Kind::Open, 1 + self.escape_name()),
            (b'[', _) => self.bracketed().map_or((Kind::Other, 1), |length| (Kind::Word, length)),
            (b')' | b'}', _) => (Kind::Close, 1),
            (b',', _) => (Kind::Comma, 1),
            (b';', _) => (Kind::Semicolon, 1),
            (b'\\', b'N') => (Kind::Constant, 2),
            _ => (Kind::Other, 1),
        };
        self.at += length;
        kind
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let from = self.at;
        let token = self.read();
        cost::add(self.at - from);
        token
    }
}

impl Lexer<'_> {
    fn read(&mut self) -> Option<Token> {
        if let Some(comment) = self.skip() {
            return Some(comment);
        }
        let start = self.at;
        let kind = match *self.text.get(self.at)? {
            quote @ (b'\'' | b'"') => return Some(self.quoted(quote, Kind::Text, start)),
            b'`' => return Some(self.quoted(b'`', Kind::Word, start)),
            b'0'..=b'9' => self.number(),
            b'.' if self.byte(1).is_ascii_digit() => self.number(),
            b'@' => self.variable(),
            byte if is_word(byte) => return Some(self.word()),
            _ => self.symbol(),
        };
        Some(Token { kind, start, end: self.at, open: false })
    }
}

/// The end of a string's content, and whether the text ended first. Backslashes and doubled quotes escape.
pub(super) fn string_end(text: &[u8], mut at: usize, quote: u8) -> (usize, bool) {
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            byte if byte == quote => {
                if text.get(at + 1) != Some(&quote) {
                    return (at, false);
                }
                at += 2;
            }
            _ => at += 1,
        }
    }
    (text.len(), true)
}

/// The length of the comment that `rest` starts with; `None` if nothing follows it.
fn comment(rest: &[u8]) -> Option<usize> {
    let body_end = match rest {
        [b'/', b'*', body @ ..] => body.windows(2).position(|pair| pair == b"*/").map(|at| at + 4),
        _ => rest.iter().position(|&byte| byte == b'\n').map(|at| at + 1),
    }?;
    // What is left of the padding of another comment says nothing either.
    let pads = |byte: u8| is_blank(byte) || matches!(byte, b'-' | b'+') && !rest.starts_with(b"/*");
    rest[body_end..].iter().any(|&byte| !pads(byte)).then_some(body_end)
}

#[cfg(test)]
mod tests {
    use super::super::words::Kind::{
        self, Close, Comment, Compare, Function, Logic, Number, Open, Select, Text, Union, Variable, Word,
    };
    use super::Lexer;

    fn kinds(text: &str) -> Vec<Kind> {
        Lexer::new(text.as_bytes(), 0).map(|token| token.kind).collect()
    }

    #[test]
    fn a_condition_is_cut_into_its_tokens() {
        assert_eq!(kinds("1 or 'a'=0x1f"), [Number, Logic, Text, Compare, Number]);
        assert_eq!(kinds("md5(@@version)"), [Function, Open, Variable, Close]);
        assert_eq!(kinds("x||_utf8'a'"), [Word, Logic, Text]);
    }

    #[test]
    fn comments_are_blanks_unless_the_text_ends_with_one() {
        assert_eq!(kinds("union/**/select -- x\n1#"), [Union, Select, Number, Comment]);
        assert_eq!(kinds("/*!50000union*/ select"), [Union, Select]);
    }

    #[test]
    fn a_keyword_may_touch_a_number_but_other_letters_make_a_name() {
        assert_eq!(kinds("1and 2"), [Number, Logic, Number]);
        assert_eq!(kinds(".5union"), [Number, Union]);
        assert_eq!(kinds("60s"), [Word]);
    }

    #[test]
    fn a_name_in_brackets_is_one_and_a_list_is_none() {
        assert_eq!(kinds("[id]=[id]"), [Word, Compare, Word]);
        assert_eq!(kinds("[1]").len(), 3);
    }

    #[test]
    fn an_escape_of_odbc_opens_with_its_name() {
        assert_eq!(kinds("{d '2020-01-01'}"), [Open, Text, Close]);
        assert_eq!(kinds("{ok}"), [Open, Word, Close]);
    }

    #[test]
    fn what_is_left_of_padding_belongs_to_the_comment() {
        assert_eq!(kinds("1--\n-"), [Number, Comment]);
        assert_eq!(kinds("1--\n2"), [Number, Number]);
    }

    #[test]
    fn a_string_ends_at_its_quote_and_not_at_an_escaped_one() {
        assert_eq!(kinds(r"'a\'b' 1"), [Text, Number]);
        assert_eq!(kinds("'a''b' 1"), [Text, Number]);
        let open = Lexer::new(b"'a", 0).next();
        assert!(open.is_some_and(|token| token.open));
    }
}
