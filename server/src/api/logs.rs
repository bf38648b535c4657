//! Request logs and usage.

use axum::http::Method;
use contract::access_tokens::Scope as TokenScope;
use contract::request_logs::Filter;
use contract::usage::UsageRange;
use contract::{Environment, Refusal, RequestId};
use portal::Scope;

use super::call::{Answer, Call, No};
use super::operation::{Kind, Operation};
use super::views::{RequestLog, UsageView};

const FILTER: &str = "What rows to show, such as `status:5xx -code:unknown_key`; terms are joined by and.";
const CURSOR: &str = "Where the page starts: `next` of the one before.";

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::GET, "/request-logs", "list_request_logs", "Requests of the organization, the newest first", own)
            .needs(TokenScope::LogsRead)
            .query("filter", Kind::Text, FILTER)
            .query("cursor", Kind::Text, CURSOR)
            .answers_page::<RequestLog>()
            .refuses(&["filter_unreadable"]),
        Operation::elsewhere(Method::GET, "/request-logs/live", "watch_request_logs", "Requests as they are answered")
            .says("Server-sent events. Each is a JSON object with a `kind`: `connected`; `rows`, with `rows` as in the list; `skipped`, with how many rows were passed over because the reader was too slow. Send `Last-Event-ID` after a lost connection, and what was missed comes first. The stream ends when the token does.")
            .needs(TokenScope::LogsRead)
            .query("filter", Kind::Text, FILTER)
            .query("since", Kind::Number(0, i64::MAX), "Rows from this moment on are sent first.")
            .query("scope", Kind::Word(&["organization", "operator"]), "`operator`: rows of everybody, for staff with `staff:logs:read`.")
            .answers_events()
            .refuses(&["filter_unreadable"]),
        Operation::new(Method::GET, "/usage", "read_usage", "Numbers of a period", usage)
            .needs(TokenScope::UsageRead)
            .query("range", Kind::Word(&["hour", "day", "week", "month"]), "How far back; a day unless you say otherwise.")
            .query("environment", Kind::Word(&["live", "test"]), "Only requests with keys of this environment.")
            .answers::<UsageView>(200),
        Operation::new(Method::GET, "/staff/request-logs", "list_all_request_logs", "Requests of everybody, for staff", everybodys)
            .says("That staff looked is written down, for each page.")
            .needs(TokenScope::StaffLogsRead)
            .query("filter", Kind::Text, FILTER)
            .query("cursor", Kind::Text, CURSOR)
            .answers_page::<RequestLog>()
            .refuses(&["filter_unreadable", "account_restricted"]),
    ]
}

async fn own(call: Call) -> Result<Answer, No> {
    list(&call, Scope::Organization).await
}

async fn everybodys(call: Call) -> Result<Answer, No> {
    list(&call, Scope::Everything).await
}

async fn list(call: &Call, scope: Scope) -> Result<Answer, No> {
    let filter: Filter = call.query("filter").unwrap_or_default().parse().map_err(|refusal: Refusal| refusal)?;
    let before: Option<RequestId> = call.cursor()?;
    let page = portal::request_logs::list(&call.op, scope, &filter, before).await?;
    let items: Vec<RequestLog> = page.items.into_iter().map(RequestLog::from).collect();
    Answer::page(&items, page.next.as_deref())
}

async fn usage(call: Call) -> Result<Answer, No> {
    let range = call.query("range").and_then(UsageRange::from_word).unwrap_or_default();
    let environment = call.query("environment").and_then(Environment::from_word);
    Answer::one(&UsageView::from(portal::usage::read(&call.op, Scope::Organization, environment, range).await?))
}
