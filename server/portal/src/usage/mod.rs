//! Usage: numbers by minute, written with the rows they count, and read for charts.

use std::collections::{BTreeMap, HashMap};

use contract::request_logs::RequestRow;
use contract::usage::{KeyUsage, RouteUsage, Usage, UsagePoint, UsageRange};
use contract::{ApiId, Environment, KeyId, Millis, OrganizationId, Permission};
use sea_orm::prelude::{Expr, Uuid};
use sea_orm::sea_query::{ExprTrait as _, OnConflict};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
};

use crate::subscriptions::top_ups;
use crate::{Db, Op, Result, Scope, Tx, apis, keys, request_logs};

mod table;
#[cfg(test)]
mod tests;

const MINUTE_MS: Millis = 60_000;
const DAY_MS: Millis = 24 * 60 * MINUTE_MS;

/// Days of the small chart beside a key.
pub(crate) const WEEK_DAYS: usize = 7;

/// Rows of the tables under a chart.
const TOP: usize = 10;

/// Newest requests from which percentiles are taken: enough for a stable 95th, few enough to sort at once.
const SAMPLE: u64 = 5_000;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Cell {
    minute: Millis,
    organization: Uuid,
    key: Uuid,
    api: Uuid,
    environment: &'static str,
    method: String,
    route: String,
    code: String,
}

#[derive(Default)]
struct Sums {
    requests: i64,
    failed: i64,
    latency_us: i64,
    response_bytes: i64,
    units: i64,
}

/// Counts rows that were stored in the same transaction. Says for which keys a new secret was used for the first time.
pub(crate) async fn count(tx: &Tx, rows: &[&RequestRow]) -> Result<Vec<KeyId>> {
    let mut cells: BTreeMap<Cell, Sums> = BTreeMap::new();
    // In order, so that two processes that store at the same moment wait for each other and not in a circle.
    let mut used: BTreeMap<(Uuid, u32), (Millis, Millis)> = BTreeMap::new();
    for row in rows {
        let caller = row.caller.as_ref();
        let minute = row.at - row.at.rem_euclid(MINUTE_MS);
        // Nobody is written as the nil UUID: a primary key cannot hold NULL.
        let cell = Cell {
            minute,
            organization: caller.map_or(Uuid::nil(), |caller| caller.organization.uuid()),
            key: caller.map_or(Uuid::nil(), |caller| caller.key.uuid()),
            api: row.api.as_ref().map_or(Uuid::nil(), |(id, _)| id.uuid()),
            environment: caller.map_or("", |caller| caller.environment.word()),
            method: row.method.clone(),
            route: row.route.clone(),
            code: row.code.clone().unwrap_or_default(),
        };
        let sums = cells.entry(cell).or_default();
        sums.requests += 1;
        sums.failed += i64::from(row.status >= 500);
        sums.latency_us += row.latency_us;
        sums.response_bytes += row.response_bytes;
        sums.units += row.cost;
        if let Some(caller) = caller.filter(|_| !row.is_refused()) {
            let moments = used.entry((caller.key.uuid(), caller.secret_version)).or_insert((row.at, minute));
            *moments = (Ord::min(moments.0, row.at), Ord::max(moments.1, minute));
        }
    }
    let stored = cells.into_iter().map(|(cell, sums)| table::ActiveModel {
        minute: Set(cell.minute),
        organization_id: Set(cell.organization),
        key_id: Set(cell.key),
        api_id: Set(cell.api),
        environment: Set(cell.environment.to_owned()),
        method: Set(cell.method),
        route: Set(cell.route),
        code: Set(cell.code),
        requests: Set(sums.requests),
        failed: Set(sums.failed),
        latency_us: Set(sums.latency_us),
        response_bytes: Set(sums.response_bytes),
        units: Set(sums.units),
    });
    let sums = [
        table::Column::Requests,
        table::Column::Failed,
        table::Column::LatencyUs,
        table::Column::ResponseBytes,
        table::Column::Units,
    ];
    let mut on_conflict = OnConflict::columns(table::KEY);
    for column in sums {
        on_conflict.value(column, Expr::col((table::Entity, column)).add(Expr::col(("excluded", column))));
    }
    table::Entity::insert_many(stored).on_conflict(on_conflict).exec_without_returning(tx).await?;
    top_ups::charge(tx, rows).await?;
    let mut begun = Vec::new();
    for ((key, version), (first, minute)) in used {
        use_secret(tx, key, version, minute).await?;
        if version > 1 && keys::rotation::begin_overlap(tx, key, version, first).await? {
            begun.push(KeyId::new(key));
        }
    }
    Ok(begun)
}

/// Notes when a secret was last accepted: of the newest one in its own column, of the one before beside it.
async fn use_secret(tx: &Tx, key: Uuid, version: u32, minute: Millis) -> Result<()> {
    use keys::table::{COLUMN, Column, Entity};
    let version = i64::from(version);
    let newest = COLUMN.secret_version.lte(version);
    let newest = newest.and(COLUMN.last_used_at.is_null().or(COLUMN.last_used_at.lt(minute)));
    let previous = COLUMN.secret_version.gt(version);
    let previous = previous.and(COLUMN.previous_last_used_at.is_null().or(COLUMN.previous_last_used_at.lt(minute)));
    let noted = |meant: Expr, column: Column| Expr::case(meant, minute).finally(Expr::col(column));
    // One statement, whichever it is: a batch has many keys, and few of them were rotated.
    Entity::update_many()
        .col_expr(Column::LastUsedAt, noted(newest.clone(), Column::LastUsedAt).into())
        .col_expr(Column::PreviousLastUsedAt, noted(previous.clone(), Column::PreviousLastUsedAt).into())
        .filter(COLUMN.id.eq(key))
        .filter(newest.or(previous))
        .exec(tx)
        .await?;
    Ok(())
}

/// Units that an organization took from its quota of an API, from one moment to before another, both on the minute.
pub(crate) async fn units<C: ConnectionTrait>(
    db: &C,
    organization: OrganizationId,
    api: ApiId,
    from: Millis,
    until: Millis,
) -> Result<i64> {
    let sum: Option<Option<i64>> = table::Entity::find()
        .select_only()
        .column_as(table::Column::Units.into_expr().sum().cast_as("BIGINT"), "units")
        .filter(table::COLUMN.organization_id.eq(organization.uuid()))
        .filter(table::COLUMN.api_id.eq(api.uuid()))
        .filter(table::COLUMN.minute.gte(from))
        .filter(table::COLUMN.minute.lt(until))
        .into_tuple()
        .one(db)
        .await?;
    Ok(sum.flatten().unwrap_or_default())
}

/// Numbers of a period.
///
/// # Errors
/// Those of [`Op::require_scope`].
pub async fn read(op: &Op, scope: Scope, environment: Option<Environment>, range: UsageRange) -> Result<Usage> {
    let organization = op.require_scope(scope, Permission::ReadUsage)?;
    let start = range.start(op.now_ms());
    let cells = cells(op, organization, environment, start).await?;

    let mut points: Vec<UsagePoint> = (0..range.bars())
        .map(|bar| UsagePoint { at: start + bar as Millis * range.bar_ms(), ..UsagePoint::default() })
        .collect();
    let (mut accepted, mut refused, mut failed) = (0, 0, 0);
    let mut codes: BTreeMap<&str, i64> = BTreeMap::new();
    let mut routes: BTreeMap<(Uuid, &str, &str), (i64, i64)> = BTreeMap::new();
    let mut by_key: BTreeMap<Uuid, (i64, i64)> = BTreeMap::new();
    for cell in &cells {
        let (yes, no) = if cell.code.is_empty() { (cell.requests, 0) } else { (0, cell.requests) };
        let bar = usize::try_from((cell.minute - start) / range.bar_ms()).unwrap_or_default();
        if let Some(point) = points.get_mut(bar) {
            point.accepted += yes;
            point.refused += no;
        }
        accepted += yes;
        refused += no;
        failed += cell.failed;
        if no > 0 {
            *codes.entry(&cell.code).or_default() += no;
        }
        if !cell.route.is_empty() {
            add(routes.entry((cell.api_id, &cell.method, &cell.route)).or_default(), yes, no);
        }
        if cell.key_id != Uuid::nil() {
            add(by_key.entry(cell.key_id).or_default(), yes, no);
        }
    }
    let slugs: HashMap<Uuid, String> =
        apis::load_all(op.db()).await?.into_iter().map(|api| (api.id.uuid(), api.slug)).collect();
    let routes = top(routes.into_iter().collect(), |(_, sums)| sums.0 + sums.1)
        .into_iter()
        .map(|((api, method, route), (accepted, refused))| RouteUsage {
            api: slugs.get(&api).cloned().unwrap_or_default(),
            method: method.to_owned(),
            route: route.to_owned(),
            accepted,
            refused,
        })
        .collect();
    let best = top(by_key.into_iter().collect(), |(_, sums)| sums.0 + sums.1);
    let keys = name_keys(op, best).await?;
    let (p50_us, p95_us) = percentiles(op, organization, environment, start).await?;
    Ok(Usage {
        range,
        points,
        accepted,
        refused,
        failed,
        top_refusal: codes.into_iter().max_by_key(|(_, count)| *count).map(|(code, count)| (code.to_owned(), count)),
        p50_us,
        p95_us,
        routes,
        keys,
    })
}

fn add(sums: &mut (i64, i64), accepted: i64, refused: i64) {
    sums.0 += accepted;
    sums.1 += refused;
}

fn top<T>(mut all: Vec<T>, requests: impl Fn(&T) -> i64) -> Vec<T> {
    all.sort_by_key(|one| std::cmp::Reverse(requests(one)));
    all.truncate(TOP);
    all
}

async fn cells(
    op: &Op,
    organization: Option<OrganizationId>,
    environment: Option<Environment>,
    start: Millis,
) -> Result<Vec<table::Model>> {
    // What arrived after the question was asked belongs to no bar yet, so it is in no sum either.
    let minutes = table::COLUMN.minute.gte(start).and(table::COLUMN.minute.lte(op.now_ms()));
    let mut query = table::Entity::find().filter(minutes);
    if let Some(organization) = organization {
        query = query.filter(table::COLUMN.organization_id.eq(organization.uuid()));
    }
    if let Some(environment) = environment {
        query = query.filter(table::COLUMN.environment.eq(environment.word()));
    }
    Ok(query.all(op.db().read()).await?)
}

async fn name_keys(op: &Op, best: Vec<(Uuid, (i64, i64))>) -> Result<Vec<KeyUsage>> {
    let known: HashMap<Uuid, keys::table::Model> = keys::table::Entity::find()
        .filter(keys::table::COLUMN.id.is_in(best.iter().map(|(id, _)| *id)))
        .all(op.db().read())
        .await?
        .into_iter()
        .map(|key| (key.id, key))
        .collect();
    Ok(best
        .into_iter()
        .map(|(id, (accepted, refused))| {
            let key = known.get(&id);
            KeyUsage {
                label: key.map(|key| key.label.clone()).unwrap_or_default(),
                hint: key.map(|key| key.hint.clone()).unwrap_or_default(),
                accepted,
                refused,
            }
        })
        .collect())
}

/// Median and 95th percentile of the newest accepted requests of the period (nearest rank).
async fn percentiles(
    op: &Op,
    organization: Option<OrganizationId>,
    environment: Option<Environment>,
    start: Millis,
) -> Result<(Option<i64>, Option<i64>)> {
    use request_logs::table::{COLUMN, Column, Entity};
    let mut query = Entity::find()
        .select_only()
        .column(Column::LatencyUs)
        .filter(COLUMN.at.gte(start))
        .filter(COLUMN.code.is_null())
        .order_by_desc(COLUMN.id)
        .limit(SAMPLE);
    if let Some(organization) = organization {
        query = query.filter(COLUMN.organization_id.eq(organization.uuid()));
    }
    if let Some(environment) = environment {
        query = query.filter(COLUMN.environment.eq(environment.word()));
    }
    let mut latencies: Vec<i64> = query.into_tuple().all(op.db().read()).await?;
    latencies.sort_unstable();
    let rank = |percent: usize| latencies.get((latencies.len() * percent).div_ceil(100).saturating_sub(1)).copied();
    Ok((rank(50), rank(95)))
}

/// Units that organizations took from their quotas of an API since a moment on the minute: of these, or of all. Nothing
/// of those that took none.
///
/// # Errors
/// Only when the database fails.
pub async fn spent_since(
    db: &Db,
    api: ApiId,
    from: Millis,
    of: Option<&[OrganizationId]>,
) -> Result<HashMap<OrganizationId, i64>> {
    let mut query = table::Entity::find()
        .select_only()
        .column(table::Column::OrganizationId)
        .column_as(table::Column::Units.into_expr().sum().cast_as("BIGINT"), "units")
        .filter(table::COLUMN.api_id.eq(api.uuid()))
        .filter(table::COLUMN.minute.gte(from))
        .filter(table::COLUMN.units.gt(0))
        .group_by(table::Column::OrganizationId);
    if let Some(of) = of {
        query = query.filter(table::COLUMN.organization_id.is_in(of.iter().map(|one| one.uuid())));
    }
    let rows: Vec<(Uuid, i64)> = query.into_tuple().all(db.read()).await?;
    Ok(rows.into_iter().map(|(organization, units)| (OrganizationId::new(organization), units)).collect())
}

/// Requests of each key of an organization on each of the last seven days (UTC), today last.
pub(crate) async fn week_by_key(op: &Op, organization: OrganizationId) -> Result<HashMap<Uuid, Vec<i64>>> {
    let today = op.now_ms() - op.now_ms().rem_euclid(DAY_MS);
    let start = today - (WEEK_DAYS as Millis - 1) * DAY_MS;
    let rows: Vec<(Uuid, i64, i64)> = table::Entity::find()
        .select_only()
        .column(table::Column::KeyId)
        .column_as(table::Column::Minute.into_expr().sub(start).div(DAY_MS), "day")
        .column_as(table::Column::Requests.into_expr().sum().cast_as("BIGINT"), "requests")
        .filter(table::COLUMN.organization_id.eq(organization.uuid()))
        .filter(table::COLUMN.minute.gte(start))
        .group_by(table::Column::KeyId)
        .group_by(Expr::col("day"))
        .into_tuple()
        .all(op.db().read())
        .await?;
    let mut weeks: HashMap<Uuid, Vec<i64>> = HashMap::new();
    for (key, day, requests) in rows {
        let week = weeks.entry(key).or_insert_with(|| vec![0; WEEK_DAYS]);
        if let Some(place) = usize::try_from(day).ok().and_then(|day| week.get_mut(day)) {
            *place += requests;
        }
    }
    Ok(weeks)
}
