//! Code to read and to copy.

use leptos::prelude::*;

use super::CopyButton;

/// Code with a button that copies it. Quoted strings and addresses stand out; lines that begin with `#` or `<` step back.
#[component]
#[must_use]
pub fn CodeBlock(
    /// The code.
    #[prop(into)]
    code: String,
    /// Names it for assistive technology: "Request with curl".
    #[prop(into)]
    label: String,
    /// Without a copy button: output, not input.
    #[prop(optional)]
    output: bool,
    /// Larger, for the front page.
    #[prop(optional)]
    large: bool,
) -> impl IntoView {
    let class = match (output, large) {
        (false, false) => "code with-copy",
        (false, true) => "code with-copy large",
        (true, false) => "code",
        (true, true) => "code large",
    };
    let parts: Vec<AnyView> = parts(&code)
        .into_iter()
        .map(|(weight, text)| {
            let text = text.to_owned();
            match weight {
                Weight::Plain => text.into_any(),
                Weight::Strong => view! { <b>{text}</b> }.into_any(),
                Weight::Light => view! { <i>{text}</i> }.into_any(),
            }
        })
        .collect();
    view! {
        <div class=class>
            <pre tabindex="0" role="group" aria-label=label>
                <code>{parts}</code>
            </pre>
            {(!output).then(|| view! { <CopyButton only_icon=true label="Copy the code"/> })}
        </div>
    }
    .into_any()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    Plain,
    Strong,
    Light,
}

/// Splits code by what stands out. Joined again, the parts are the code.
fn parts(code: &str) -> Vec<(Weight, &str)> {
    let mut parts = Vec::new();
    for line in code.split_inclusive('\n') {
        if line.starts_with('#') || line.starts_with('<') {
            parts.push((Weight::Light, line));
            continue;
        }
        let mut rest = line;
        while let Some(start) = start_of_strong(rest) {
            let (before, strong) = rest.split_at(start);
            let end = end_of_strong(strong);
            let (strong, after) = strong.split_at(end);
            if !before.is_empty() {
                parts.push((Weight::Plain, before));
            }
            parts.push((Weight::Strong, strong));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push((Weight::Plain, rest));
        }
    }
    parts
}

fn start_of_strong(text: &str) -> Option<usize> {
    let quote = text.find(['"', '\'']);
    let address = text.find("http://").into_iter().chain(text.find("https://")).min();
    quote.into_iter().chain(address).min()
}

fn end_of_strong(text: &str) -> usize {
    match text.chars().next() {
        Some(quote @ ('"' | '\'')) => text[1..].find(quote).map_or(text.trim_end().len(), |end| end + 2),
        _ => text.find([' ', '\n', '"', '\'']).unwrap_or(text.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_quotes_stand_out() {
        let code = "# try it\ncurl http://localhost:8080/almanac/v1/zones \\\n  -H \"X-Api-Key: $KEY\"";
        assert_eq!(
            parts(code),
            [
                (Weight::Light, "# try it\n"),
                (Weight::Plain, "curl "),
                (Weight::Strong, "http://localhost:8080/almanac/v1/zones"),
                (Weight::Plain, " \\\n"),
                (Weight::Plain, "  -H "),
                (Weight::Strong, "\"X-Api-Key: $KEY\""),
            ]
        );
    }

    #[test]
    fn nothing_is_lost_however_odd_the_code() {
        for code in
            ["", "\n\n", "a \"b", "'", "\"\"", "it's \u{1F511} \"é\" http://", "{\n  \"a\": 1,\n  \"b\": \"c\"\n}"]
        {
            assert_eq!(parts(code).into_iter().map(|(_, text)| text).collect::<String>(), code);
        }
    }
}
