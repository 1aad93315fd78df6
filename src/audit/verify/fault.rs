//! What can be wrong with the security log.

use std::fmt;

use jiff::civil::Date;
use uuid::Uuid;

/// Something that nobody may have done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The chain does not go on here: a seal is missing, was changed, or was made with another key.
    BrokenChain {
        /// The place at which the next seal was expected.
        seq: i64,
    },
    /// Other rows stand where these were sealed.
    RowsDiffer {
        /// The seal.
        seq: i64,
        /// The month of the rows.
        month: Date,
        /// How many rows were sealed.
        sealed: i64,
        /// How many there are.
        found: i64,
    },
    /// Rows were added where everything had been sealed.
    RowsAdded {
        /// The month of the rows.
        month: Date,
        /// How many there are.
        found: i64,
    },
    /// A personal field was rewritten, or erased but for its salt.
    PersonalFieldChanged {
        /// The row.
        id: Uuid,
    },
    /// Rows claim to be older than what had been sealed before they were written.
    Backdated {
        /// The seal.
        seq: i64,
        /// How many.
        rows: i64,
    },
    /// Rows carry ids of transactions that never ran: no seal will ever cover them.
    OutOfReach {
        /// How many.
        rows: i64,
    },
    /// Rows went around the stamp that every insert gets.
    Unstamped {
        /// How many.
        rows: i64,
    },
    /// The seal that was published is not in the chain: its end was cut off, or made anew.
    HeadMissing,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BrokenChain { seq } => {
                write!(
                    f,
                    "the chain breaks at seal {seq}: it is missing, was changed, or was made with another key \
                     (KEY_ENCRYPTION_KEY)"
                )
            }
            Self::RowsDiffer { seq, month, sealed, found } if sealed == found => {
                write!(f, "seal {seq}: some of the {sealed} rows of {month:.7} were changed")
            }
            Self::RowsDiffer { seq, month, sealed, found } => {
                write!(f, "seal {seq}: {sealed} rows of {month:.7} were sealed, and {found} are there")
            }
            Self::RowsAdded { month, found } => {
                write!(f, "{found} rows of {month:.7} stand where everything had been sealed")
            }
            Self::PersonalFieldChanged { id } => write!(f, "row {id}: a personal field was rewritten"),
            Self::Backdated { seq, rows } => {
                write!(
                    f,
                    "seal {seq}: {rows} rows claim to be older than the seal before, when they were not there yet"
                )
            }
            Self::OutOfReach { rows } => {
                write!(f, "{rows} rows carry ids of transactions that never ran, where no seal gets")
            }
            Self::Unstamped { rows } => write!(f, "{rows} rows were written around the trigger that stamps them"),
            Self::HeadMissing => f.write_str("the given head is not in the chain: its end was cut off or made anew"),
        }
    }
}
