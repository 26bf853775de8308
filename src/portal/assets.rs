//! Style sheet, script and icon: embedded, under names that carry the hash of their content, so that they may be kept for ever.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use poem::http::{StatusCode, header};
use poem::web::Path;
use poem::{Response, handler};
use rust_embed::Embed;

#[derive(Embed)]
#[folder = "src/portal/assets"]
struct Files;

/// URL of every asset by its plain name.
static URLS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    Files::iter()
        .filter_map(|name| {
            let file = Files::get(&name)?;
            let (stem, extension) = name.rsplit_once('.')?;
            let hash = hex::encode(&file.metadata.sha256_hash()[..6]);
            Some((name.to_string(), format!("/assets/{stem}.{hash}.{extension}")))
        })
        .collect()
});

/// URL of an asset; for a name that does not exist the URL of nothing.
pub fn url(name: &str) -> &'static str {
    URLS.get(name).map_or("/assets/missing", String::as_str)
}

/// Serves `/assets/{stem}.{hash}.{extension}`; any other hash than the present one is unknown.
#[handler]
pub fn send_asset(Path(file): Path<String>) -> Response {
    let wanted = format!("/assets/{file}");
    let found = URLS.iter().find(|(_, url)| **url == wanted).and_then(|(name, _)| Some((name, Files::get(name)?)));
    let Some((name, file)) = found else {
        return Response::builder().status(StatusCode::NOT_FOUND).content_type("text/plain; charset=utf-8").body("no such asset");
    };
    let kind = match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    Response::builder()
        .content_type(kind)
        .header(header::CACHE_CONTROL, "public, max-age=31536000, immutable")
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .body(file.data.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_has_a_url_with_its_hash() {
        for name in ["site.css", "site.js", "icon.svg"] {
            assert!(url(name).starts_with("/assets/") && url(name).len() > "/assets/".len() + name.len(), "{name}");
        }
        assert_eq!(url("other.css"), "/assets/missing");
    }
}
