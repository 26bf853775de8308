//! Every page on a phone and on a desktop: it opens, nothing scrolls sideways, and axe-core finds nothing serious.

use crate::support::{Browser, DESKTOP, PHONE, Site, is_ready};

/// Visits pages and gathers what is wrong with them.
async fn walk(browser: &Browser, site: &Site, prefix: &str, pages: &[(String, String)]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, path) in pages {
        browser.visit(site, path).await;
        let title = browser.client.title().await.unwrap();
        if title.is_empty() || title.contains("没有找到") || title.contains("系统内部错误") {
            wrong.push(format!("{prefix} {path}: the title is {title:?}"));
        }
        wrong.extend(browser.violations().await.into_iter().map(|violation| format!("{prefix} {path}: {violation}")));
        if browser.is_too_wide().await {
            wrong.push(format!("{prefix} {path}: scrolls sideways"));
        }
        browser.picture(&format!("{prefix}-{name}")).await;
    }
    wrong
}

fn named(pages: &[(&str, &str)]) -> Vec<(String, String)> {
    pages.iter().map(|(name, path)| ((*name).to_owned(), (*path).to_owned())).collect()
}

/// Every link of a page that begins with a path and goes one step deeper, once each.
async fn links(browser: &Browser, site: &Site, page: &str, prefix: &str) -> Vec<String> {
    browser.visit(site, page).await;
    let script = "return [...document.querySelectorAll('main a[href]')].map(a => a.getAttribute('href'))";
    let found = browser.client.execute(script, vec![]).await.unwrap();
    let mut links: Vec<String> = found.as_array().unwrap().iter().filter_map(|v| v.as_str()).map(str::to_owned).collect();
    links.retain(|link| link.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && !rest.contains(['/', '?', '#'])));
    links.sort();
    links.dedup();
    links
}

#[tokio::test(flavor = "multi_thread")]
async fn public_pages_open_without_barriers() {
    if !is_ready("public_pages_open_without_barriers") {
        return;
    }
    let site = Site::start().await;
    let mut wrong = Vec::new();
    for (prefix, size) in [("phone", PHONE), ("desktop", DESKTOP)] {
        let browser = Browser::open(size).await;
        let mut pages = named(&[
            ("home", "/"),
            ("laws", "/laws"),
            ("search", "/search?q=%E5%85%BB%E7%8A%AC"),
            ("search-empty", "/search?q=zzzzzz"),
            ("drafts", "/drafts"),
            ("contact-points", "/contact-points"),
            ("about", "/about"),
            ("login", "/login"),
        ]);
        for (n, link) in links(&browser, &site, "/drafts", "/drafts/").await.into_iter().enumerate() {
            pages.push((format!("draft-{n}"), link));
        }
        for (n, link) in links(&browser, &site, "/laws", "/laws/").await.into_iter().take(2).enumerate() {
            pages.push((format!("law-{n}"), link));
        }
        for (n, link) in links(&browser, &site, "/contact-points", "/contact-points/").await.into_iter().take(1).enumerate() {
            pages.push((format!("contact-point-{n}"), link));
        }
        wrong.extend(walk(&browser, &site, prefix, &pages).await);
        // 长辈模式, largest.
        browser.visit(&site, "/display?elder=30&back=%2F").await;
        let elder = named(&[("elder-home", "/"), ("elder-drafts", "/drafts")]);
        wrong.extend(walk(&browser, &site, prefix, &elder).await);
        browser.close().await;
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_pages_open_without_barriers() {
    if !is_ready("staff_pages_open_without_barriers") {
        return;
    }
    let site = Site::start().await;
    let mut wrong = Vec::new();
    for (prefix, size) in [("phone", PHONE), ("desktop", DESKTOP)] {
        let browser = Browser::open(size).await;
        browser.sign_in_staff(&site, "handler").await;
        let pages = named(&[("staff", "/staff"), ("staff-import", "/staff/import")]);
        wrong.extend(walk(&browser, &site, prefix, &pages).await);
        browser.close().await;
    }
    assert_eq!(wrong, Vec::<String>::new());
}
