//! Which record is on which page, in which table, and which is listed apart.

use std::collections::HashSet;

use laptime_results::{MedianSeconds, Read, Record, reasons_apart};

use super::Refused;

/// A record with what may be said of it.
pub struct Listing<'a> {
    /// The record.
    pub record: &'a Record,
    /// Why its time does not stand beside others'; empty where it does.
    pub apart: Vec<String>,
}

/// All records of a workload and a precision.
pub struct Page<'a> {
    /// The name of the workload.
    pub workload: &'a str,
    /// Whether it is built in; otherwise its name says nothing.
    pub is_built_in: bool,
    /// The arithmetic of the products.
    pub precision: &'a str,
    /// The name of its file, without the ending.
    pub slug: String,
    /// The trainings, the one with the most records first.
    pub trainings: Vec<Training<'a>>,
    /// Records that are listed apart.
    pub apart: Vec<Listing<'a>>,
}

/// Records of the very same training on the same samples, the fastest first.
pub struct Training<'a> {
    /// At least one.
    pub listings: Vec<Listing<'a>>,
}

impl Listing<'_> {
    /// The total of the whole training.
    pub fn total(&self) -> &MedianSeconds {
        let summary = &self.record.summary;
        let whole = summary.extrapolated_total_s.as_ref();
        whole.unwrap_or(&summary.total_s)
    }

    /// Whether the total is extrapolated.
    pub fn is_extrapolated(&self) -> bool {
        self.record.summary.extrapolated_total_s.is_some()
    }

    /// The report's file.
    pub fn report_path(&self) -> String {
        format!("report/{}.html", self.record.id)
    }

    /// The record's file.
    pub fn record_path(&self) -> String {
        format!("record/{}.json", self.record.id)
    }
}

impl Page<'_> {
    /// Its file.
    pub fn path(&self) -> String {
        format!("workload/{}.html", self.slug)
    }

    /// What it is called.
    pub fn name(&self) -> String {
        match self.is_built_in {
            true => format!("{} {}", self.workload, self.precision),
            false => format!("{} {} (a user's workload)", self.workload, self.precision),
        }
    }

    /// All its records.
    pub fn all(&self) -> impl Iterator<Item = &Listing<'_>> {
        let listed = self.trainings.iter().flat_map(|it| &it.listings);
        listed.chain(&self.apart)
    }

    /// How many records stand in its tables.
    pub fn listed(&self) -> usize {
        self.trainings.iter().map(|it| it.listings.len()).sum()
    }
}

/// The records, each once; those that have the id of another one are refused.
pub fn listings(records: &[Read]) -> (Vec<Listing<'_>>, Vec<Refused>) {
    // Not every file system tells capitals from small letters.
    let mut ids = HashSet::new();
    let mut repeated = Vec::new();
    let mut listings = Vec::new();
    for read in records {
        let record = &read.record;
        if ids.insert(record.id.to_lowercase()) {
            listings.push(Listing {
                record,
                apart: reasons_apart(read),
            });
            continue;
        }
        let is_same = listings.iter().any(|it: &Listing| it.record == record);
        if !is_same {
            repeated.push(Refused {
                name: record.id.clone(),
                why: "another record has the same id".into(),
            });
        }
    }
    (listings, repeated)
}

/// The pages, by the name of the workload.
pub fn pages<'a>(listings: &[Listing<'a>]) -> Vec<Page<'a>> {
    let mut keys: Vec<(&'a str, bool, &'a str)> =
        listings.iter().map(|it| key(it.record)).collect();
    keys.sort();
    keys.dedup();
    let mut slugs = HashSet::new();
    let page = |(workload, is_built_in, precision): (&'a str, bool, &'a str)| {
        let slug = unique(&slug(&format!("{workload}-{precision}")), &mut slugs);
        let of_page = listings
            .iter()
            .filter(|it| key(it.record) == (workload, is_built_in, precision));
        let (listed, apart): (Vec<_>, Vec<_>) = of_page.partition(|it| it.apart.is_empty());
        Page {
            workload,
            is_built_in,
            precision,
            slug,
            trainings: trainings(listed),
            apart: apart.into_iter().map(copied).collect(),
        }
    };
    keys.into_iter().map(page).collect()
}

fn copied<'a>(listing: &Listing<'a>) -> Listing<'a> {
    Listing {
        record: listing.record,
        apart: listing.apart.clone(),
    }
}

fn key(record: &Record) -> (&str, bool, &str) {
    let workload = &record.workload;
    (&workload.name, workload.built_in, &workload.precision)
}

fn trainings<'a>(listed: Vec<&Listing<'a>>) -> Vec<Training<'a>> {
    let key = |listing: &Listing| {
        let record = listing.record;
        (
            record.workload.digest.clone(),
            record.dataset.sha256.clone(),
        )
    };
    let mut found: Vec<(_, Training<'a>)> = Vec::new();
    for listing in listed {
        let key = key(listing);
        match found.iter_mut().find(|(other, _)| *other == key) {
            Some((_, training)) => training.listings.push(copied(listing)),
            None => {
                let listings = vec![copied(listing)];
                found.push((key, Training { listings }));
            }
        }
    }
    for (_, training) in &mut found {
        let listings = &mut training.listings;
        listings.sort_by(|a, b| a.total().median.total_cmp(&b.total().median));
    }
    found.sort_by_key(|(_, training)| std::cmp::Reverse(training.listings.len()));
    found.into_iter().map(|(_, training)| training).collect()
}

/// The most characters of a file's name that come from a workload's.
const LONGEST_SLUG: usize = 60;

/// A name as a part of an address: small letters, digits and hyphens.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().take(LONGEST_SLUG) {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.ends_with('-') {
            slug.push('-');
        }
    }
    match slug.trim_matches('-') {
        "" => "workload".into(),
        slug => slug.to_owned(),
    }
}

fn unique(slug: &str, taken: &mut HashSet<String>) -> String {
    let mut name = slug.to_owned();
    let mut number = 2;
    while !taken.insert(name.clone()) {
        name = format!("{slug}-{number}");
        number += 1;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_harmless_and_unique() {
        let mut taken = HashSet::new();
        let mut name = |text: &str| unique(&slug(text), &mut taken);
        assert_eq!(name("fashion-mnist-fp32"), "fashion-mnist-fp32");
        assert_eq!(name("../../etc/passwd"), "etc-passwd");
        assert_eq!(name("Fashion MNIST fp32"), "fashion-mnist-fp32-2");
        assert_eq!(name("模型"), "workload");
        assert_eq!(name("\u{0}/"), "workload-2");
        assert!(name(&"a".repeat(500)).len() <= LONGEST_SLUG);
    }
}
