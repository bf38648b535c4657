//! Retention: what is past its term is erased, and what is not erased yet is not shown.

use chrono::TimeDelta;
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Query};
use sea_orm::{ConnectionTrait as _, StatementBuilder};

use crate::{Actor, Op, Result};
use contract::Refusal;

/// Rows of the request log.
pub const REQUEST_LOGS_LIFE: TimeDelta = TimeDelta::days(90);

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
pub const RULES: [Rule; 6] = [
    Rule { table: "request_logs", since: "at", life: REQUEST_LOGS_LIFE, only_if_empty: None },
    Rule { table: "usage_minutes", since: "minute", life: TimeDelta::days(730), only_if_empty: None },
    Rule { table: "sessions", since: "expires_at", life: TimeDelta::zero(), only_if_empty: None },
    // Kept a little longer than they work, so that "already used" can be told from "unknown".
    Rule { table: "mail_links", since: "created_at", life: TimeDelta::days(7), only_if_empty: None },
    Rule { table: "mails", since: "created_at", life: TimeDelta::days(30), only_if_empty: None },
    Rule {
        table: "accounts",
        since: "created_at",
        life: TimeDelta::days(30),
        only_if_empty: Some("email_verified_at"),
    },
];

impl Rule {
    pub(crate) fn sentence(&self) -> String {
        match self.life.num_days() {
            730 => "2 years".to_owned(),
            days => format!("{days} days"),
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
    let mut all = Vec::with_capacity(RULES.len());
    for rule in RULES {
        let limit = (op.now - rule.life).timestamp_millis();
        let mut past = Expr::col(Alias::new(rule.since)).lte(limit);
        if let Some(column) = rule.only_if_empty {
            past = past.and(Expr::col(Alias::new(column)).is_null());
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
    // An organization whose last member went with an account that was never verified.
    let tx = op.begin().await?;
    let members = Query::select().column(Alias::new("organization_id")).from(Alias::new("members")).take();
    let orphans = Expr::col(Alias::new("id")).not_in_subquery(members);
    if mode == Mode::Erase {
        execute(&tx, &Query::delete().from_table(Alias::new("organizations")).and_where(orphans).take()).await?;
    }
    op.commit(tx).await?;
    Ok(all)
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
