//! The request with curl, ready to paste.

use contract::apis::Operation;

/// The name of the shell variable that holds the key. A secret typed into a command stays in the shell's history.
pub const KEY_VARIABLE: &str = "API_KEY";

/// The command that calls an operation. It works as it stands once the variable is set.
#[must_use]
pub fn curl(base_url: &str, operation: &Operation) -> String {
    let mut command = String::from("curl ");
    if operation.method != "GET" {
        command.push_str("-X ");
        command.push_str(&operation.method);
        command.push(' ');
    }
    command.push_str(&quoted(&format!("{base_url}{}", operation.example_path)));
    command.push_str(&format!(" \\\n  -H \"Authorization: Bearer ${KEY_VARIABLE}\""));
    if let Some(body) = &operation.example_body {
        command.push_str(" \\\n  -H \"Content-Type: application/json\" \\\n  -d '");
        command.push_str(&body.replace('\'', r"'\''"));
        command.push('\'');
    }
    command
}

/// Quotes what a shell would read as more than a word (POSIX.1-2024, Shell Command Language, 2.2).
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":/._-~%+,@=".contains(&byte);
    if word.bytes().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(method: &str, example_path: &str, example_body: Option<&str>) -> Operation {
        Operation {
            terms: contract::apis::RouteTerms::default(),
            method: method.to_owned(),
            path: String::new(),
            summary: String::new(),
            description: String::new(),
            parameters: Vec::new(),
            example_body: example_body.map(str::to_owned),
            example_path: example_path.to_owned(),
        }
    }

    #[test]
    fn a_plain_call_is_two_lines() {
        assert_eq!(
            curl("http://localhost:8080/almanac", &operation("GET", "/v1/sun/lisbon", None)),
            "curl http://localhost:8080/almanac/v1/sun/lisbon \\\n  -H \"Authorization: Bearer $API_KEY\""
        );
    }

    #[test]
    fn what_a_shell_would_split_is_quoted() {
        let call = curl("http://x", &operation("POST", "/a?b=1&c=it's", Some("{\"note\":\"it's\"}")));
        assert!(call.starts_with(r"curl -X POST 'http://x/a?b=1&c=it'\''s' \"), "{call}");
        assert!(call.ends_with(r#"-d '{"note":"it'\''s"}'"#), "{call}");
    }
}
