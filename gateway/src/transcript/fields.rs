//! A message's fields from its debug form. In: text like `OrderStatus { order_id: Some(7), why_held: None }`. Out: JSON
//! with the fields that are set. Every message has a debug form, so a new one needs nothing here.

use serde_json::{Map, Value as Json};

/// What is not understood becomes text as it stands.
pub fn of_debug(text: &str) -> Json {
    let mut reader = Reader { rest: text };
    match reader.value() {
        Some(value) if reader.rest.trim().is_empty() => value.unwrap_or(Json::Null),
        _ => Json::from(text),
    }
}

struct Reader<'a> {
    rest: &'a str,
}

/// A value; `Some(None)` is one that is not set.
type Read = Option<Option<Json>>;

impl<'a> Reader<'a> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, token: &str) -> bool {
        self.skip();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn word(&mut self) -> &'a str {
        self.skip();
        let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '+' | ':');
        let end = self.rest.find(|c| !part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn value(&mut self) -> Read {
        self.skip();
        match self.rest.chars().next()? {
            '"' => Some(Some(Json::from(self.string()?))),
            '[' => self.list('[', "]").map(Some),
            '(' => self.list('(', ")").map(Some),
            '{' => self.fields().map(Some),
            _ => self.named(),
        }
    }

    fn named(&mut self) -> Read {
        let word = self.word();
        if word.is_empty() {
            return None;
        }
        match word {
            "None" => return Some(None),
            "true" => return Some(Some(Json::from(true))),
            "false" => return Some(Some(Json::from(false))),
            _ => {}
        }
        self.skip();
        if self.rest.starts_with('{') {
            return self.fields().map(Some);
        }
        if self.rest.starts_with('(') {
            let Json::Array(mut inner) = self.list('(', ")")? else { return None };
            // `Some(x)` and a message in its enum are their content.
            return Some(if inner.len() == 1 { inner.pop() } else { Some(Json::Array(inner)) });
        }
        let number = || word.parse::<i64>().map(Json::from).ok().or_else(|| word.parse::<f64>().map(Json::from).ok());
        Some(Some(number().unwrap_or_else(|| Json::from(word))))
    }

    fn list(&mut self, open: char, close: &str) -> Option<Json> {
        self.rest = self.rest.strip_prefix(open)?;
        let mut values = Vec::new();
        while !self.eat(close) {
            values.push(self.value()?.unwrap_or(Json::Null));
            self.eat(",");
        }
        Some(Json::Array(values))
    }

    fn fields(&mut self) -> Option<Json> {
        self.rest = self.rest.strip_prefix('{')?;
        let mut fields = Map::new();
        while !self.eat("}") {
            self.skip();
            let key = if self.rest.starts_with('"') {
                self.string()?
            } else {
                let end = self.rest.find(':')?;
                let (key, rest) = self.rest.split_at(end);
                self.rest = rest;
                key.trim().to_owned()
            };
            if !self.eat(":") {
                return None;
            }
            if let Some(value) = self.value()? {
                fields.insert(key, value);
            }
            self.eat(",");
        }
        Some(Json::Object(fields))
    }

    /// A quoted text with the escapes of Rust.
    fn string(&mut self) -> Option<String> {
        let mut out = String::new();
        let mut chars = self.rest.strip_prefix('"')?.chars();
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => match chars.next()? {
                    'n' => out.push('\n'),
                    't' => out.push('\t'),
                    'r' => out.push('\r'),
                    '0' => out.push('\0'),
                    'u' => {
                        let hex: String = chars.by_ref().skip(1).take_while(|c| *c != '}').collect();
                        out.push(u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32)?);
                    }
                    other => out.push(other),
                },
                other => out.push(other),
            }
        }
        self.rest = chars.as_str();
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug)]
    #[expect(dead_code, reason = "only their debug form is read")]
    enum Message {
        Status(Status),
    }

    #[derive(Debug)]
    #[expect(dead_code, reason = "only their debug form is read")]
    struct Status {
        id: Option<i32>,
        text: Option<String>,
        price: f64,
        missing: Option<i32>,
        list: Vec<Status>,
        is_on: bool,
    }

    #[test]
    fn a_debug_form_becomes_json_without_what_is_not_set() {
        let inner =
            Status { id: None, text: Some(String::new()), price: -1.5, missing: None, list: vec![], is_on: false };
        let text = Some("a \"b\", {c}\n\u{7f}".to_owned());
        let status =
            Message::Status(Status { id: Some(7), text, price: 1e300, missing: None, list: vec![inner], is_on: true });
        let expected = json!({
            "id": 7, "text": "a \"b\", {c}\n\u{7f}", "price": 1e300, "is_on": true,
            "list": [{ "text": "", "price": -1.5, "list": [], "is_on": false }],
        });
        assert_eq!(of_debug(&format!("{status:?}")), expected);
    }

    #[test]
    fn what_is_no_debug_form_stays_text() {
        for text in ["{", "a b", "\"open", "Some(", "[1, "] {
            assert_eq!(of_debug(text), json!(text));
        }
    }
}
