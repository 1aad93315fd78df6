//! One pass over a JSON text (RFC 8259): its grammar, its bounds, and every string with its place. Neither recursion nor a tree: what is
//! held is one entry per open container, and no byte is looked at more than a fixed number of times.

use super::fault::Fault;
use super::json_text::Text;
use super::pointer;
use super::structural::Structural;

/// Is told what [`scan`] meets.
pub(super) trait Visit {
    /// A name in an object, the last token of `pointer`.
    fn name(&mut self, pointer: &str, name: &str);
    /// A string that is a value.
    fn value(&mut self, pointer: &str, text: Text<'_>);
}

/// Reads `json`, which must be one value.
pub(super) fn scan(json: &str, limits: &Structural, visitor: &mut impl Visit) -> Result<(), Fault> {
    let mut scanner = Scanner { json, at: 0, limits, visitor, open: Vec::new(), pointer: String::new(), names: 0 };
    while scanner.value()? || scanner.next()? {}
    Ok(())
}

struct Scanner<'a, V> {
    json: &'a str,
    at: usize,
    limits: &'a Structural,
    visitor: &'a mut V,
    open: Vec<Container>,
    pointer: String,
    names: usize,
}

/// An object or array that is not closed yet.
#[derive(Clone, Copy)]
struct Container {
    /// The length of the pointer to it.
    pointer_len: usize,
    /// The index of the next element; `None` in an object.
    index: Option<usize>,
}

impl Container {
    fn end(self) -> u8 {
        if self.index.is_some() { b']' } else { b'}' }
    }
}

impl<'a, V: Visit> Scanner<'a, V> {
    /// Reads a scalar, or a container as far as its first value: `true` if that value comes next.
    fn value(&mut self) -> Result<bool, Fault> {
        match self.peek() {
            Some(b'{') => return self.enter(None),
            Some(b'[') => return self.enter(Some(0)),
            Some(b'"') => {
                let text = self.string("bytes in a value", self.limits.max_value_len)?;
                self.visitor.value(&self.pointer, text);
            }
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.literal("true")?,
            Some(b'f') => self.literal("false")?,
            Some(b'n') => self.literal("null")?,
            _ => return Err(self.expected("a value")),
        }
        Ok(false)
    }

    /// Goes on after a value, out of the containers that end here: `true` if another value follows.
    fn next(&mut self) -> Result<bool, Fault> {
        while let Some(container) = self.open.last().copied() {
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    return self.member(container).map(|()| true);
                }
                Some(byte) if byte == container.end() => {
                    self.at += 1;
                    self.pointer.truncate(container.pointer_len);
                    self.open.pop();
                }
                _ if container.index.is_some() => return Err(self.expected("a comma or the end of an array")),
                _ => return Err(self.expected("a comma or the end of an object")),
            }
        }
        if self.peek().is_none() { Ok(false) } else { Err(self.expected("nothing more")) }
    }

    fn enter(&mut self, index: Option<usize>) -> Result<bool, Fault> {
        if self.open.len() >= self.limits.max_depth {
            return Err(Fault::Limit { what: "levels of nesting", max: self.limits.max_depth, at: self.at });
        }
        self.at += 1;
        let container = Container { pointer_len: self.pointer.len(), index };
        self.open.push(container);
        if self.peek() == Some(container.end()) {
            return Ok(false);
        }
        self.member(container).map(|()| true)
    }

    /// Points at the next value of `container`, the innermost one; in an object this reads its name.
    fn member(&mut self, container: Container) -> Result<(), Fault> {
        self.pointer.truncate(container.pointer_len);
        let Some(index) = container.index else { return self.name() };
        pointer::push_index(&mut self.pointer, index);
        if let Some(innermost) = self.open.last_mut() {
            innermost.index = Some(index + 1);
        }
        Ok(())
    }

    fn name(&mut self) -> Result<(), Fault> {
        if self.peek() != Some(b'"') {
            return Err(self.expected("a name"));
        }
        if self.names >= self.limits.max_names {
            return Err(Fault::Limit { what: "names", max: self.limits.max_names, at: self.at });
        }
        self.names += 1;
        let name = self.string("bytes in a name", self.limits.max_name_len)?.decoded();
        pointer::push_name(&mut self.pointer, &name);
        self.visitor.name(&self.pointer, &name);
        if self.peek() != Some(b':') {
            return Err(self.expected("a colon"));
        }
        self.at += 1;
        Ok(())
    }

    fn number(&mut self) -> Result<(), Fault> {
        self.skip(|byte| byte == b'-', 1);
        if self.skip(|byte| byte == b'0', 1) == 0 {
            self.digits()?;
        }
        if self.skip(|byte| byte == b'.', 1) == 1 {
            self.digits()?;
        }
        if self.skip(|byte| matches!(byte, b'e' | b'E'), 1) == 1 {
            self.skip(|byte| matches!(byte, b'+' | b'-'), 1);
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Fault> {
        if self.skip(|byte| byte.is_ascii_digit(), usize::MAX) == 0 { Err(self.expected("a digit")) } else { Ok(()) }
    }

    fn literal(&mut self, word: &'static str) -> Result<(), Fault> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.expected(word));
        }
        self.at += word.len();
        Ok(())
    }

    /// Reads the string that begins here; `what` counts its length.
    fn string(&mut self, what: &'static str, max: usize) -> Result<Text<'a>, Fault> {
        let start = self.at;
        let (text, end) =
            Text::read(self.json, start + 1).map_err(|at| Fault::Syntax { expected: "the rest of a string", at })?;
        self.at = end;
        if text.len() > max { Err(Fault::Limit { what, max, at: start }) } else { Ok(text) }
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        self.skip(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'), usize::MAX);
        self.rest().first().copied()
    }

    /// Steps over at most `max` bytes of a kind; returns how many there were.
    fn skip(&mut self, kind: impl Fn(u8) -> bool, max: usize) -> usize {
        let count = self.rest().iter().take(max).take_while(|byte| kind(**byte)).count();
        self.at += count;
        count
    }

    fn rest(&self) -> &[u8] {
        self.json.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn expected(&self, expected: &'static str) -> Fault {
        Fault::Syntax { expected, at: self.at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a scan told, a line each.
    #[derive(Default)]
    struct Notes(Vec<String>);

    impl Visit for Notes {
        fn name(&mut self, pointer: &str, name: &str) {
            self.0.push(format!("{pointer} is named {name}"));
        }

        fn value(&mut self, pointer: &str, text: Text<'_>) {
            self.0.push(format!("{pointer} = {}", text.decoded()));
        }
    }

    fn notes(json: &str) -> Vec<String> {
        let mut notes = Notes::default();
        scan(json, &Structural::new(), &mut notes).unwrap();
        notes.0
    }

    fn fault(json: &str, limits: &Structural) -> Option<Fault> {
        scan(json, limits, &mut Notes::default()).err()
    }

    #[test]
    fn every_string_is_told_with_its_place() {
        assert_eq!(
            notes(r#" {"a":"1","b":{"c":["2",{},[],"3",{"d":"4"}],"e":"5"},"f":null,"g":[[["6"],true]]} "#),
            [
                "/a is named a",
                "/a = 1",
                "/b is named b",
                "/b/c is named c",
                "/b/c/0 = 2",
                "/b/c/3 = 3",
                "/b/c/4/d is named d",
                "/b/c/4/d = 4",
                "/b/e is named e",
                "/b/e = 5",
                "/f is named f",
                "/g is named g",
                "/g/0/0/0 = 6",
            ]
        );
        assert_eq!(notes(r#""alone""#), [" = alone"]);
    }

    #[test]
    fn an_escaped_name_is_the_same_name_and_a_repeated_one_is_told_twice() {
        assert_eq!(
            notes(r#"{"pass\u0077ord":"1","password":"2","a/b~c":"3"}"#),
            [
                "/password is named password",
                "/password = 1",
                "/password is named password",
                "/password = 2",
                "/a~1b~0c is named a/b~c",
                "/a~1b~0c = 3",
            ]
        );
    }

    #[test]
    fn what_is_not_json_is_told_by_what_was_expected_and_where() {
        for (json, expected, at) in [
            ("", "a value", 0),
            ("  ", "a value", 2),
            ("{", "a name", 1),
            ("{1:2}", "a name", 1),
            (r#"{"a":1,}"#, "a name", 7),
            (r#"{"a" 1}"#, "a colon", 5),
            (r#"{"a":}"#, "a value", 5),
            (r#"{"a":1 "b":2}"#, "a comma or the end of an object", 7),
            ("[1 2]", "a comma or the end of an array", 3),
            ("[1,]", "a value", 3),
            ("[,1]", "a value", 1),
            ("[1}", "a comma or the end of an array", 2),
            ("[", "a value", 1),
            ("[1]]", "nothing more", 3),
            ("1 x", "nothing more", 2),
            ("tru", "true", 0),
            ("nulL", "null", 0),
            ("01", "nothing more", 1),
            ("-", "a digit", 1),
            ("1.", "a digit", 2),
            ("1e+", "a digit", 3),
            (".5", "a value", 0),
            ("+1", "a value", 0),
            ("\u{feff}1", "a value", 0),
            (r#"["a"#, "the rest of a string", 3),
        ] {
            assert_eq!(fault(json, &Structural::new()), Some(Fault::Syntax { expected, at }), "{json}");
        }
    }

    #[test]
    fn numbers_and_literals_pass() {
        for json in ["0", "-0", "12.50", "1e9", "1E-9", "-0.0e+0", "true", "false", "null", "[]", "{}", " [ ] "] {
            assert_eq!(fault(json, &Structural::new()), None, "{json}");
        }
    }

    #[test]
    fn bounds_are_kept_to_the_byte() {
        let limits = Structural::new().max_depth(2).max_names(2).max_name_len(3).max_value_len(3);
        for fine in [r#"[["abc"],[],{}]"#, r#"{"abc":1,"b":[2]}"#, r#""\u6bdb""#] {
            assert_eq!(fault(fine, &limits), None, "{fine}");
        }
        for (json, what, max, at) in [
            ("[[[]]]", "levels of nesting", 2, 2),
            (r#"[{},[],{"a":[]}]"#, "levels of nesting", 2, 12),
            (r#"[{"a":1},{"a":1},{"a":1}]"#, "names", 2, 18),
            (r#"{"abcd":1}"#, "bytes in a name", 3, 1),
            (r#"["abcd"]"#, "bytes in a value", 3, 1),
            (r#""\ud83d\ude00""#, "bytes in a value", 3, 0),
        ] {
            assert_eq!(fault(json, &limits), Some(Fault::Limit { what, max, at }), "{json}");
        }
    }

    #[test]
    fn a_million_brackets_end_at_the_limit() {
        let bomb = "[".repeat(1_000_000);
        let expected = Fault::Limit { what: "levels of nesting", max: 32, at: 32 };
        assert_eq!(fault(&bomb, &Structural::new()), Some(expected));
        let deep = fault(&bomb, &Structural::new().max_depth(usize::MAX));
        assert_eq!(deep, Some(Fault::Syntax { expected: "a value", at: 1_000_000 }));
    }
}
