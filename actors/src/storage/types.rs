//! Values that the two databases hold differently: exact decimals and instants. In and out: rows. One SQL type each,
//! so that one `table!` and one row struct serve both. Absent: JSON, numbers and text, which diesel maps alike.
//!
//! | value | PostgreSQL | SQLite |
//! |---|---|---|
//! | [`Dec`] | `numeric(20, 8)` | text without trailing zeros |
//! | [`Ts`] | `timestamptz` | text, UTC, six decimals: sorts as time does |

use std::fmt;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::query_builder::QueryId;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{Numeric, SqlType, Text, Timestamptz};
use diesel::sqlite::{Sqlite, SqliteValue};
use engine::time::Timestamp;
use engine::trade::Money;
use rust_decimal::Decimal;
use serde::Serialize;

/// SQL type of [`Dec`]. The numbers are PostgreSQL's for `numeric`.
#[derive(SqlType, QueryId)]
#[diesel(postgres_type(oid = 1700, array_oid = 1231))]
#[diesel(sqlite_type(name = "Text"))]
pub struct DecSql;

/// SQL type of [`Ts`]. The numbers are PostgreSQL's for `timestamptz`.
#[derive(SqlType, QueryId)]
#[diesel(postgres_type(oid = 1184, array_oid = 1185))]
#[diesel(sqlite_type(name = "Text"))]
pub struct TsSql;

/// An exact decimal with up to eight places, in its shortest form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, AsExpression, FromSqlRow, Serialize)]
#[diesel(sql_type = DecSql)]
pub struct Dec(Decimal);

/// An instant in whole microseconds, which is what PostgreSQL keeps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, AsExpression, FromSqlRow, Serialize)]
#[diesel(sql_type = TsSql)]
pub struct Ts(DateTime<Utc>);

impl Dec {
    pub fn new(value: Decimal) -> Self {
        Dec(value.round_dp(8).normalize())
    }

    pub fn get(self) -> Decimal {
        self.0
    }
}

impl From<Money> for Dec {
    fn from(amount: Money) -> Self {
        Dec(amount.to_decimal())
    }
}

impl fmt::Debug for Dec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Dec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Ts {
    pub fn get(self) -> DateTime<Utc> {
        self.0
    }
}

impl From<Timestamp> for Ts {
    fn from(at: Timestamp) -> Self {
        let micros = at.nanos().div_euclid(1_000);
        Ts(DateTime::from_timestamp_micros(micros).expect("every timestamp lies in a year that chrono knows"))
    }
}

impl From<Ts> for Timestamp {
    fn from(ts: Ts) -> Self {
        ts.0.into()
    }
}

impl fmt::Debug for Ts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format(TS_FORMAT))
    }
}

impl fmt::Display for Ts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Timestamp::from(*self).fmt(f)
    }
}

const TS_FORMAT: &str = "%Y-%m-%d %H:%M:%S%.6f+00:00";

impl ToSql<DecSql, Pg> for Dec {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<Numeric, Pg>::to_sql(&self.0, out)
    }
}

impl FromSql<DecSql, Pg> for Dec {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <Decimal as FromSql<Numeric, Pg>>::from_sql(value).map(Dec::new)
    }
}

impl ToSql<DecSql, Sqlite> for Dec {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.to_string());
        Ok(IsNull::No)
    }
}

impl FromSql<DecSql, Sqlite> for Dec {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let text = <String as FromSql<Text, Sqlite>>::from_sql(value)?;
        text.parse::<Decimal>().map(Dec::new).map_err(|e| format!("{text:?} is not a decimal: {e}").into())
    }
}

impl ToSql<TsSql, Pg> for Ts {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<Timestamptz, Pg>::to_sql(&self.0, out)
    }
}

impl FromSql<TsSql, Pg> for Ts {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <DateTime<Utc> as FromSql<Timestamptz, Pg>>::from_sql(value).map(Ts)
    }
}

impl ToSql<TsSql, Sqlite> for Ts {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.format(TS_FORMAT).to_string());
        Ok(IsNull::No)
    }
}

impl FromSql<TsSql, Sqlite> for Ts {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let text = <String as FromSql<Text, Sqlite>>::from_sql(value)?;
        let at = NaiveDateTime::parse_from_str(&text, TS_FORMAT);
        at.map(|at| Ts(at.and_utc())).map_err(|e| format!("{text:?} is not a UTC time: {e}").into())
    }
}
