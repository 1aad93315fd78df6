//! Who finds how many attacks, and who takes offence at honest values.

use std::collections::BTreeMap;
use std::fmt::Write;

use portcullis_layers::sanitize::{FieldKind, InputSanitizer};

use crate::interval::wilson;
use crate::samples::Sample;

#[derive(Default)]
struct Count {
    n: u32,
    ours: u32,
    theirs: u32,
}

/// A row for the attacks and one for the honest values of each group.
pub(crate) fn table(samples: &[Sample]) -> String {
    let mut counts: BTreeMap<(bool, &str), Count> = BTreeMap::new();
    for sample in samples {
        let (ours, theirs) = (refuses(sample), refused_by_libinjection(&sample.value));
        for group in &sample.groups {
            let count = counts.entry((!sample.attack, group)).or_default();
            count.n += 1;
            count.ours += u32::from(ours);
            count.theirs += u32::from(theirs);
        }
    }
    let mut table =
        String::from("| values | n | refused | 95 % interval | by libinjectionrs |\n|---|---|---|---|---|\n");
    for ((honest, group), Count { n, ours, theirs }) in counts {
        let (low, high) = wilson(ours, n);
        let label = if honest { "honest" } else { "attacks" };
        let share = |hits: u32| 100.0 * f64::from(hits) / f64::from(n);
        let _ = writeln!(
            table,
            "| {label}, {group} | {n} | {:.3} % | {:.3} to {:.3} % | {:.2} % |",
            share(ours),
            100.0 * low,
            100.0 * high,
            share(theirs)
        );
    }
    table
}

/// Whether the value is refused, named a pattern of, or taken to pieces.
fn refuses(sample: &Sample) -> bool {
    let sanitizer = InputSanitizer::new();
    let result = match sample.kind {
        FieldKind::Email => sanitizer.sanitize_email_advanced(&sample.value),
        kind => sanitizer.sanitize(kind, &sample.value),
    };
    !result.accepted || !result.rejected_patterns.is_empty()
}

pub(crate) fn refused_by_libinjection(value: &[u8]) -> bool {
    libinjectionrs::detect_sqli(value).is_injection() || libinjectionrs::detect_xss(value).is_injection()
}
