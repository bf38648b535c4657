//! Every migration can be applied, undone and applied again, on the database under test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use migrations::Migrator;
use sea_orm_migration::MigratorTrait;
use sea_orm_migration::sea_orm::Database;

#[tokio::test]
async fn every_migration_runs_up_down_and_up_again() {
    let test = testdb::TestDb::new().await.unwrap();
    let connection = Database::connect(test.url()).await.unwrap();
    let all = u32::try_from(Migrator::migrations().len()).unwrap();
    for count in 1..=all {
        Migrator::up(&connection, Some(1)).await.unwrap();
        Migrator::down(&connection, Some(1)).await.unwrap();
        Migrator::up(&connection, Some(1)).await.unwrap();
        assert_eq!(Migrator::get_applied_migrations(&connection).await.unwrap().len(), count as usize);
    }
    Migrator::down(&connection, None).await.unwrap();
    assert!(Migrator::get_applied_migrations(&connection).await.unwrap().is_empty());
    Migrator::up(&connection, None).await.unwrap();
}
