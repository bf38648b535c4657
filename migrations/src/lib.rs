//! One portable set of migrations for SQLite and PostgreSQL.
//!
//! - One change per file; the file's name is its order and its name in the database.
//! - Builders only, so that both databases get the same schema; each migration runs in a transaction on both.
//! - Times are milliseconds since 1970 UTC in `BIGINT`: they compare alike on both and no default reads a clock.
//! - Every migration can be undone; a test runs each up, down and up again.

use sea_orm_migration::prelude::*;

mod columns;
mod m20261121_000001_accounts;
mod m20261121_000002_policy_acceptances;
mod m20261121_000003_organizations;
mod m20261121_000004_members;
mod m20261121_000005_staff;
mod m20261121_000006_sessions;
mod m20261121_000007_mails;
mod m20261121_000008_apis;
mod m20261121_000009_keys;
mod m20261121_000010_mail_links;
mod m20261121_000011_request_logs;
mod m20261121_000012_usage_minutes;
mod m20261121_000013_account_standing;
mod m20261121_000014_session_factors;
mod m20261121_000015_devices;
mod m20261121_000016_link_subjects;
mod m20261121_000017_organization_contacts;
mod m20261121_000018_invites;
mod m20261121_000019_audit_log;
mod m20261121_000020_passkeys;
mod m20261121_000021_ceremonies;
mod m20261121_000022_recovery_codes;
mod m20261121_000023_recoveries;
mod m20261121_000024_email_changes;
mod m20261121_000025_request_costs;
mod m20261121_000026_key_terms;
mod m20261121_000027_api_terms;
mod m20261121_000028_plans;
mod m20261121_000029_subscriptions;
mod m20261121_000030_data_keys;
mod m20261121_000031_sealed_keys;
mod m20261121_000032_recoverable_apis;
mod m20261121_000033_imports;
mod m20261121_000034_access_tokens;
mod m20261121_000035_idempotent_requests;
mod m20261121_000037_leak_terms;
mod m20261121_000038_leak_reports;
mod m20261121_000039_secret_ends;
mod m20261121_000040_api_privacy;
mod m20261121_000041_kept_addresses;
mod m20261121_000042_organization_limits;
mod m20261121_000043_upstream_places;
mod m20261121_000045_plan_windows;
mod m20261121_000046_top_ups;
mod m20261121_000047_changes;
mod m20261121_000048_processes;
mod m20261121_000049_quota_leases;

/// Applies and undoes migrations.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_accounts::Migration),
            Box::new(m20261121_000002_policy_acceptances::Migration),
            Box::new(m20261121_000003_organizations::Migration),
            Box::new(m20261121_000004_members::Migration),
            Box::new(m20261121_000005_staff::Migration),
            Box::new(m20261121_000006_sessions::Migration),
            Box::new(m20261121_000007_mails::Migration),
            Box::new(m20261121_000008_apis::Migration),
            Box::new(m20261121_000009_keys::Migration),
            Box::new(m20261121_000010_mail_links::Migration),
            Box::new(m20261121_000011_request_logs::Migration),
            Box::new(m20261121_000012_usage_minutes::Migration),
            Box::new(m20261121_000013_account_standing::Migration),
            Box::new(m20261121_000014_session_factors::Migration),
            Box::new(m20261121_000015_devices::Migration),
            Box::new(m20261121_000016_link_subjects::Migration),
            Box::new(m20261121_000017_organization_contacts::Migration),
            Box::new(m20261121_000018_invites::Migration),
            Box::new(m20261121_000019_audit_log::Migration),
            Box::new(m20261121_000020_passkeys::Migration),
            Box::new(m20261121_000021_ceremonies::Migration),
            Box::new(m20261121_000022_recovery_codes::Migration),
            Box::new(m20261121_000023_recoveries::Migration),
            Box::new(m20261121_000024_email_changes::Migration),
            Box::new(m20261121_000025_request_costs::Migration),
            Box::new(m20261121_000026_key_terms::Migration),
            Box::new(m20261121_000027_api_terms::Migration),
            Box::new(m20261121_000028_plans::Migration),
            Box::new(m20261121_000029_subscriptions::Migration),
            Box::new(m20261121_000030_data_keys::Migration),
            Box::new(m20261121_000031_sealed_keys::Migration),
            Box::new(m20261121_000032_recoverable_apis::Migration),
            Box::new(m20261121_000033_imports::Migration),
            Box::new(m20261121_000034_access_tokens::Migration),
            Box::new(m20261121_000035_idempotent_requests::Migration),
            Box::new(m20261121_000037_leak_terms::Migration),
            Box::new(m20261121_000038_leak_reports::Migration),
            Box::new(m20261121_000039_secret_ends::Migration),
            Box::new(m20261121_000040_api_privacy::Migration),
            Box::new(m20261121_000041_kept_addresses::Migration),
            Box::new(m20261121_000042_organization_limits::Migration),
            Box::new(m20261121_000043_upstream_places::Migration),
            Box::new(m20261121_000045_plan_windows::Migration),
            Box::new(m20261121_000046_top_ups::Migration),
            Box::new(m20261121_000047_changes::Migration),
            Box::new(m20261121_000048_processes::Migration),
            Box::new(m20261121_000049_quota_leases::Migration),
        ]
    }
}
