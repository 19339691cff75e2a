//! All results as a JSON Feed (jsonfeed.org, version 1.1), with their numbers in an extension of it.

use laptime_results::headline;
use serde::Serialize;
use serde_json::json;

use super::{
    listing::{Listing, Page},
    row::power_w,
};

#[derive(Serialize)]
struct Feed<'a> {
    version: &'static str,
    title: &'static str,
    items: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Item<'a> {
    id: &'a str,
    url: String,
    title: String,
    content_text: String,
    date_published: &'a str,
    attachments: [Attachment; 1],
    _laptime: serde_json::Value,
}

#[derive(Serialize)]
struct Attachment {
    url: String,
    mime_type: &'static str,
}

/// The feed, the newest result first.
pub fn feed(pages: &[Page]) -> String {
    let all = pages
        .iter()
        .flat_map(|page| page.all().map(move |it| item(page, it)));
    let mut items: Vec<Item> = all.collect();
    items.sort_by(|a, b| (b.date_published, b.id).cmp(&(a.date_published, a.id)));
    let feed = Feed {
        version: "https://jsonfeed.org/version/1.1",
        title: "laptime results",
        items,
    };
    laptime_results::export::compact_json(&feed) + "\n"
}

fn item<'a>(page: &Page, listing: &'a Listing) -> Item<'a> {
    let record = listing.record;
    let summary = &record.summary;
    let total = listing.total();
    Item {
        id: &record.id,
        url: listing.report_path(),
        title: format!("{} on {}", page.name(), record.device.name),
        content_text: headline(record),
        date_published: &record.created,
        attachments: [Attachment {
            url: listing.record_path(),
            mime_type: "application/json",
        }],
        _laptime: json!({
            "workload": record.workload.name,
            "built_in": record.workload.built_in,
            "digest": record.workload.digest,
            "precision": record.workload.precision,
            "batch_size": record.workload.batch_size,
            "epochs": record.workload.epochs,
            "engine": record.engine.name,
            "engine_version": record.engine.version,
            "device": record.device.name,
            "threads": record.device.threads,
            "total_s": total.median,
            "total_ci95_s": total.ci95,
            "is_extrapolated": listing.is_extrapolated(),
            "samples_per_s": summary.samples_per_s,
            "power_w": power_w(record),
            "gate": record.gate.to_string(),
            "laptime_version": record.laptime.version,
            "apart": listing.apart,
        }),
    }
}
