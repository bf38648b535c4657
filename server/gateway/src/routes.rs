//! Route templates of one API. A request log says which template matched, never the path itself, so that what a
//! developer put into a path is not stored.

use std::collections::BTreeMap;
use std::fmt;

use contract::limits::Limit;
use http::Method;

use crate::path::percent_decoded;

/// The operations of one API, ready to be matched.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    router: matchit::Router<Template>,
}

/// One operation: a method and a path template, with what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// HTTP method, in any case.
    pub method: String,
    /// Path template as in OpenAPI (`/v1/sun/{place}`).
    pub template: String,
    /// Scopes that a key needs, all of them; a key without any scope has all.
    pub scopes: Vec<String>,
    /// Units that a request takes from the quota.
    pub cost: i64,
    /// The limit of one key here.
    pub limit: Option<Limit>,
}

impl From<(&str, &str)> for Operation {
    fn from((method, template): (&str, &str)) -> Self {
        let (method, template) = (method.to_owned(), template.to_owned());
        Self { method, template, scopes: Vec::new(), cost: 1, limit: None }
    }
}

#[derive(Clone, Debug)]
struct Template {
    text: String,
    operations: Vec<(Method, Terms)>,
}

#[derive(Clone, Debug)]
struct Terms {
    number: usize,
    scopes: Vec<String>,
    cost: i64,
    limit: Option<Limit>,
}

/// The operation that a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route<'a> {
    /// Its path template.
    pub template: &'a str,
    /// Its place in the list of operations.
    pub number: usize,
    /// Scopes that a key needs.
    pub scopes: &'a [String],
    /// Units that a request takes from the quota.
    pub cost: i64,
    /// The limit of one key here.
    pub limit: Option<Limit>,
}

/// Why a list of operations cannot be matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteProblem {
    /// The method is not an HTTP token.
    Method {
        /// As it was given.
        method: String,
        /// Where it stood.
        template: String,
    },
    /// The template does not start with `/`, or its braces do not match, or a parameter has no name.
    Template {
        /// As it was given.
        template: String,
    },
    /// The same operation twice.
    Twice {
        /// Its method.
        method: String,
        /// Its template.
        template: String,
    },
    /// Two templates match the same paths, and neither is the more exact one.
    Conflict {
        /// The one that came later.
        template: String,
        /// What it is at odds with, its parameters numbered.
        with: String,
    },
}

impl fmt::Display for RouteProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method { method, template } => {
                write!(f, "`{method}` at `{template}` is not an HTTP method")
            }
            Self::Template { template } => {
                write!(f, "`{template}` is not a path template: write it like `/v1/places/{{place}}`")
            }
            Self::Twice { method, template } => write!(f, "the operation `{method} {template}` is listed twice"),
            Self::Conflict { template, with } => {
                write!(f, "`{template}` matches the same paths as `{with}`; merge the two or tell them apart")
            }
        }
    }
}

impl std::error::Error for RouteProblem {}

impl Routes {
    /// Reads operations.
    ///
    /// # Errors
    /// The first [`RouteProblem`], in the order of the templates.
    pub fn new(operations: impl IntoIterator<Item = impl Into<Operation>>) -> Result<Self, RouteProblem> {
        let mut templates: BTreeMap<String, Vec<(Method, Terms)>> = BTreeMap::new();
        for (number, operation) in operations.into_iter().enumerate() {
            let Operation { method, template, scopes, cost, limit } = operation.into();
            let Ok(token) = Method::from_bytes(method.to_ascii_uppercase().as_bytes()) else {
                return Err(RouteProblem::Method { method, template });
            };
            let known = templates.entry(template.clone()).or_default();
            if known.iter().any(|(other, _)| *other == token) {
                return Err(RouteProblem::Twice { method: token.to_string(), template });
            }
            known.push((token, Terms { number, scopes, cost, limit }));
        }
        let mut router = matchit::Router::new();
        for (text, operations) in templates {
            let bad = || RouteProblem::Template { template: text.clone() };
            let pattern = pattern(&text).ok_or_else(bad)?;
            router.insert(pattern, Template { text: text.clone(), operations }).map_err(|error| match error {
                matchit::InsertError::Conflict { with } => RouteProblem::Conflict { template: text.clone(), with },
                _ => bad(),
            })?;
        }
        Ok(Self { router })
    }

    /// The operation with this method whose template matches this path, which starts with `/` and may be
    /// percent-encoded. `HEAD` is listed wherever `GET` is (RFC 9110 §9.3.2).
    #[must_use]
    pub fn find(&self, method: &Method, path: &str) -> Option<Route<'_>> {
        let path = percent_decoded(path)?;
        let template = self.router.at(&path).ok()?.value;
        let with = |wanted: &Method| template.operations.iter().find(|(method, _)| method == wanted);
        let (_, terms) = with(method).or_else(|| with(&Method::GET).filter(|_| *method == Method::HEAD))?;
        Some(Route {
            template: &template.text,
            number: terms.number,
            scopes: &terms.scopes,
            cost: terms.cost,
            limit: terms.limit,
        })
    }
}

/// The router's spelling of a template. Parameters are numbered, because OpenAPI allows any name and the router does
/// not; a segment with several parameters becomes one parameter, because the router allows one a segment.
fn pattern(template: &str) -> Option<String> {
    let mut pattern = String::with_capacity(template.len());
    let mut parameters = 0;
    for segment in template.strip_prefix('/')?.split('/') {
        pattern.push('/');
        let pieces = pieces(segment)?;
        let named = pieces.iter().filter(|piece| **piece == Piece::Parameter).count();
        if named > 1 {
            pattern.push_str(&format!("{{p{parameters}}}"));
            parameters += 1;
            continue;
        }
        for piece in pieces {
            match piece {
                Piece::Parameter => {
                    pattern.push_str(&format!("{{p{parameters}}}"));
                    parameters += 1;
                }
                Piece::Literal(text) => pattern.push_str(&percent_decoded(text)?),
            }
        }
    }
    Some(pattern)
}

#[derive(PartialEq)]
enum Piece<'a> {
    Literal(&'a str),
    Parameter,
}

fn pieces(segment: &str) -> Option<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut rest = segment;
    while let Some((literal, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        if literal.contains('}') || name.is_empty() || name.contains('{') {
            return None;
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        pieces.push(Piece::Parameter);
        rest = after;
    }
    if rest.contains('}') {
        return None;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest));
    }
    Some(pieces)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn routes(operations: &[(&str, &str)]) -> Result<Routes, RouteProblem> {
        Routes::new(operations.iter().copied())
    }

    /// Claims: MAST-21, MASA-07
    #[test]
    fn a_path_is_known_by_its_template() {
        let routes = routes(&[
            ("get", "/"),
            ("get", "/v1/sun/{place}"),
            ("GET", "/v1/sun/today"),
            ("post", "/v1/sun/{place}"),
            ("get", "/v1/tiles/{x}-{y}.png"),
            ("get", "/v1/files/{name}.json"),
            ("get", "/v1/{*rest}"),
            ("get", "/v2/größe/{a-b:c}"),
        ])
        .unwrap();
        for (method, path, template) in [
            ("GET", "/", Some("/")),
            ("GET", "/v1/sun/paris", Some("/v1/sun/{place}")),
            ("HEAD", "/v1/sun/paris", Some("/v1/sun/{place}")),
            ("POST", "/v1/sun/paris", Some("/v1/sun/{place}")),
            ("GET", "/v1/sun/S%C3%A3o%20Paulo", Some("/v1/sun/{place}")),
            ("GET", "/v1/sun/today", Some("/v1/sun/today")),
            ("DELETE", "/v1/sun/paris", None),
            ("GET", "/v1/sun/paris/extra", None),
            ("GET", "/v1/sun/", None),
            ("GET", "/v1/tiles/3-4.png", Some("/v1/tiles/{x}-{y}.png")),
            ("GET", "/v1/files/a.json", Some("/v1/files/{name}.json")),
            ("GET", "/v1/files/a.xml", None),
            ("GET", "/v1/other", Some("/v1/{*rest}")),
            ("GET", "/v2/gr%C3%B6%C3%9Fe/x", Some("/v2/größe/{a-b:c}")),
            ("GET", "/V1/sun/paris", None),
        ] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert_eq!(routes.find(&method, path).map(|route| route.template), template, "{method} {path}");
        }
    }

    #[test]
    fn an_api_without_operations_matches_nothing() {
        assert_eq!(Routes::default().find(&Method::GET, "/"), None);
    }

    #[test]
    fn what_cannot_be_matched_is_an_error_value() {
        let template = |text: &str| RouteProblem::Template { template: text.to_owned() };
        for text in ["", "v1", "/{", "/}", "/{}", "/a}b", "/{a{b}}", "/{a", "/%zz"] {
            assert_eq!(routes(&[("get", text)]).unwrap_err(), template(text), "{text}");
        }
        assert_eq!(
            routes(&[("get it", "/a")]).unwrap_err(),
            RouteProblem::Method { method: "get it".to_owned(), template: "/a".to_owned() }
        );
        assert_eq!(
            routes(&[("get", "/a"), ("GET", "/a")]).unwrap_err(),
            RouteProblem::Twice { method: "GET".to_owned(), template: "/a".to_owned() }
        );
        let conflict = routes(&[("get", "/a/{x}"), ("post", "/a/{y}")]).unwrap_err();
        assert!(matches!(&conflict, RouteProblem::Conflict { template, .. } if template == "/a/{y}"), "{conflict}");
    }
}
