//! Retention: what is past its term is erased, and what is not erased yet is not shown.

use chrono::TimeDelta;
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Query};
use sea_orm::{ConnectionTrait as _, StatementBuilder};

use crate::apis;
use crate::organizations::invites;
use crate::{Actor, Op, Result, audit_log};
use contract::Refusal;
use contract::apis::AddressPolicy;
use contract::organizations::INVITE_DAYS;

/// Rows of the request log.
pub const REQUEST_LOGS_LIFE: TimeDelta = TimeDelta::days(90);

/// Addresses of callers in them, where the profile of an API keeps them whole for seven days.
pub const ADDRESSES_LIFE: TimeDelta = TimeDelta::days(7);

/// The name under which a run tells how many addresses it erased: their rows stay.
const ADDRESSES: &str = "request_logs.ip";

/// Reports that a key was seen in public: where that was may name a person.
pub const LEAK_REPORTS_LIFE: TimeDelta = TimeDelta::days(90);

/// What is erased when.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Table.
    pub table: &'static str,
    /// Column with the moment from which the term runs.
    pub since: &'static str,
    /// The term.
    pub life: TimeDelta,
    /// Only rows in which this column is empty.
    pub only_if_empty: Option<&'static str>,
}

/// Every rule.
pub const RULES: [Rule; 16] = [
    Rule { table: "request_logs", since: "at", life: REQUEST_LOGS_LIFE, only_if_empty: None },
    Rule { table: "usage_minutes", since: "minute", life: TimeDelta::days(730), only_if_empty: None },
    Rule { table: "sessions", since: "expires_at", life: TimeDelta::zero(), only_if_empty: None },
    Rule { table: "ceremonies", since: "expires_at", life: TimeDelta::zero(), only_if_empty: None },
    // As long as browsers keep the cookie of a device (RFC 6265bis §5.5).
    Rule { table: "devices", since: "last_seen_at", life: TimeDelta::days(400), only_if_empty: None },
    // As long as a program may repeat a request.
    Rule { table: "idempotent_requests", since: "created_at", life: TimeDelta::hours(24), only_if_empty: None },
    // Kept a little longer than they work, so that their person sees what there was.
    Rule { table: "access_tokens", since: "expires_at", life: TimeDelta::days(90), only_if_empty: None },
    Rule { table: "recoveries", since: "created_at", life: TimeDelta::days(90), only_if_empty: None },
    Rule { table: "email_changes", since: "expires_at", life: TimeDelta::zero(), only_if_empty: None },
    // Kept a little longer than they work, so that "already used" can be told from "unknown".
    Rule { table: "mail_links", since: "expires_at", life: TimeDelta::days(7), only_if_empty: None },
    // They hold the address of somebody who may have no account: erased when they stop working.
    Rule { table: "invites", since: "created_at", life: TimeDelta::days(INVITE_DAYS), only_if_empty: None },
    Rule { table: "spent_links", since: "spent_at", life: invites::SPENT_LIFE, only_if_empty: None },
    Rule { table: "mails", since: "created_at", life: TimeDelta::days(30), only_if_empty: None },
    Rule { table: "leak_reports", since: "reported_at", life: LEAK_REPORTS_LIFE, only_if_empty: None },
    // The event stays, and with it the chain.
    Rule { table: "audit_personal", since: "at", life: TimeDelta::days(730), only_if_empty: None },
    Rule {
        table: "accounts",
        since: "created_at",
        life: TimeDelta::days(30),
        only_if_empty: Some("email_verified_at"),
    },
];

impl Rule {
    pub(crate) fn sentence(&self) -> String {
        match (self.since, self.life.num_days()) {
            ("expires_at", days) => format!("until it ends, and {days} days longer"),
            ("last_seen_at", days) => format!("{days} days after the last use"),
            (_, 730) => "2 years".to_owned(),
            (_, 1) => "24 hours".to_owned(),
            (_, days) => format!("{days} days"),
        }
    }
}

/// What a run erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erased {
    /// From which table.
    pub table: &'static str,
    /// How many rows were past their term.
    pub rows: u64,
}

/// Erases what is past its term; with [`Mode::Count`], counts it instead. Only the program itself may.
///
/// # Errors
/// [`Refusal::NotAllowed`] for anyone else.
pub async fn run(op: &Op, mode: Mode) -> Result<Vec<Erased>> {
    if op.actor != Actor::System {
        return Err(Refusal::NotAllowed.into());
    }
    if mode == Mode::Erase {
        let tx = op.begin().await?;
        invites::note_expired(&tx, op).await?;
        op.commit(tx).await?;
    }
    let mut all = Vec::with_capacity(RULES.len());
    for rule in RULES {
        let limit = (op.now - rule.life).timestamp_millis();
        let mut past = Expr::col(Alias::new(rule.since)).lte(limit);
        if let Some(column) = rule.only_if_empty {
            past = past.and(Expr::col(Alias::new(column)).is_null());
        }
        if rule.table == "request_logs" {
            for (api, days) in apis::shorter_terms(op.db().read()).await? {
                let limit = (op.now - TimeDelta::days(days)).timestamp_millis();
                let of_api = Expr::col(Alias::new("api_id")).eq(api);
                past = past.or(of_api.and(Expr::col(Alias::new(rule.since)).lte(limit)));
            }
        }
        // One transaction a table: a long erasure must not hold up a sign-in.
        let tx = op.begin().await?;
        let rows = match mode {
            Mode::Erase => {
                let delete = Query::delete().from_table(Alias::new(rule.table)).and_where(past).take();
                execute(&tx, &delete).await?
            }
            Mode::Count => {
                let count = Query::select()
                    .expr(Expr::col(Alias::new(rule.since)).count())
                    .from(Alias::new(rule.table))
                    .and_where(past)
                    .take();
                let row = tx.query_one(&count).await?;
                row.map(|row| row.try_get_by_index::<i64>(0)).transpose()?.map_or(0, i64::unsigned_abs)
            }
        };
        op.commit(tx).await?;
        all.push(Erased { table: rule.table, rows });
    }
    all.push(Erased { table: ADDRESSES, rows: addresses(op, mode).await? });
    // The mail that brought an invitation holds the address too, and goes with it.
    let tx = op.begin().await?;
    let open = Query::select().column(Alias::new("id")).from(Alias::new("invites")).take();
    let brought = Expr::col(Alias::new("kind")).eq(invites::MAIL);
    let orphans = brought.and(Expr::col(Alias::new("id")).not_in_subquery(open));
    if mode == Mode::Erase {
        execute(&tx, &Query::delete().from_table(Alias::new("mails")).and_where(orphans).take()).await?;
    }
    op.commit(tx).await?;
    // An organization whose last member went with an account that was never verified.
    let tx = op.begin().await?;
    let members = Query::select().column(Alias::new("organization_id")).from(Alias::new("members")).take();
    let orphans = Expr::col(Alias::new("id")).not_in_subquery(members);
    if mode == Mode::Erase {
        execute(&tx, &Query::delete().from_table(Alias::new("organizations")).and_where(orphans).take()).await?;
        audit_log::forget_those_who_are_gone(&tx).await?;
    }
    op.commit(tx).await?;
    Ok(all)
}

/// Takes addresses that are past their own term out of rows that are not.
async fn addresses(op: &Op, mode: Mode) -> Result<u64> {
    let limit = (op.now - ADDRESSES_LIFE).timestamp_millis();
    let limited = Expr::col(Alias::new("ip_policy")).eq(AddressPolicy::SevenDays.word());
    let kept = limited.and(Expr::col(Alias::new("ip")).is_not_null());
    let past = kept.and(Expr::col(Alias::new("at")).lte(limit));
    let tx = op.begin().await?;
    let rows = match mode {
        Mode::Erase => {
            let nothing: Option<String> = None;
            let update = Query::update()
                .table(Alias::new("request_logs"))
                .value(Alias::new("ip"), nothing)
                .and_where(past)
                .take();
            execute(&tx, &update).await?
        }
        Mode::Count => {
            let mut count = Query::select();
            count.expr(Expr::col(Alias::new("at")).count()).from(Alias::new("request_logs")).and_where(past);
            let row = tx.query_one(&count).await?;
            row.map(|row| row.try_get_by_index::<i64>(0)).transpose()?.map_or(0, i64::unsigned_abs)
        }
    };
    op.commit(tx).await?;
    Ok(rows)
}

async fn execute<S: StatementBuilder>(tx: &crate::Tx, statement: &S) -> Result<u64> {
    Ok(tx.execute(statement).await?.rows_affected())
}

/// Whether a run erases or only counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Erase.
    Erase,
    /// Count.
    Count,
}
