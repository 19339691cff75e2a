//! A static site of many records: an index, a page a workload and precision with its tables, a report of each
//! record, the records themselves, and a feed.
//!
//! Nothing is believed: summaries are derived from raw times when a record is read, and what does not mean
//! what a reader would take it for is listed apart, with the reason.

mod feed;
mod index;
mod listing;
mod row;
mod workload;

use std::{num::NonZero, thread};

use laptime_results::{Read, export};
use laptime_workload::threads::side_by_side;

use crate::{Input, Raw, report};

use listing::{Listing, Page, pages};

/// What a site is made of.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The records, as they were read.
    pub records: &'a [Read],
    /// The files that could not be read.
    pub refused: &'a [Refused],
}

/// A file that has no record that can be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its name, without a folder.
    pub name: String,
    /// Why it was refused.
    pub why: String,
}

/// A file of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where it lies in the site's folder: at most one folder deep, and of harmless characters.
    pub path: String,
    /// What is in it.
    pub text: String,
}

impl File {
    /// The folders that files of a site lie in.
    pub const FOLDERS: [&'static str; 3] = ["workload", "report", "record"];
    /// How the names of those files end.
    pub const EXTENSIONS: [&'static str; 2] = ["html", "json"];
    /// The file by which a folder is known as a site of ours.
    pub const MARK: &'static str = "feed.json";
}

/// Makes the site, a file after the other, the index last.
///
/// # Errors
/// What `write` says of a file.
pub fn site<E>(site: &Site, mut write: impl FnMut(File) -> Result<(), E>) -> Result<(), E> {
    let (listings, repeated) = listing::listings(site.records);
    let refused: Vec<&Refused> = site.refused.iter().chain(&repeated).collect();
    let pages = pages(&listings);
    for page in &pages {
        let all: Vec<&Listing> = page.all().collect();
        for listings in all.chunks(TOGETHER) {
            files_of(listings, page)
                .into_iter()
                .try_for_each(&mut write)?;
        }
        write(File {
            path: page.path(),
            text: workload::page(page),
        })?;
    }
    write(File {
        path: File::MARK.into(),
        text: feed::feed(&pages),
    })?;
    write(File {
        path: "index.html".into(),
        text: index::page(&pages, &refused),
    })
}

/// The files of so many records are in memory together.
const TOGETHER: usize = 64;

/// The reports and the records, made on all threads.
fn files_of(listings: &[&Listing], page: &Page) -> Vec<File> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let shares = listings.chunks(listings.len().div_ceil(threads).max(1));
    let made = side_by_side(shares.collect(), |share: &[&Listing]| -> Vec<File> {
        let files = share
            .iter()
            .flat_map(|listing| [report_of(listing, page), record_of(listing)]);
        files.collect()
    });
    made.into_iter().flatten().collect()
}

fn record_of(listing: &Listing) -> File {
    File {
        path: listing.record_path(),
        text: export::compact_json(listing.record) + "\n",
    }
}

fn report_of(listing: &Listing, page: &Page) -> File {
    let (raw, back) = (
        format!("../{}", listing.record_path()),
        format!("../{}", page.path()),
    );
    let text = report(&Input {
        records: std::slice::from_ref(listing.record),
        published: &[],
        sweeps: &[],
        history: &[],
        raw: Raw::Linked(&raw),
        back: Some((&back, &page.name())),
    });
    File {
        path: listing.report_path(),
        text,
    }
}
