//! An address as a picture for the telephone's camera, and a secret as groups for typing.

use qrcode::QrCode;
use qrcode::render::svg;

use crate::error::{Error, Result};

/// What the picture of a secret is called.
pub const SECOND_FACTOR: &str = "两步验证二维码";

/// Least width of the picture, in px.
const WIDTH: u32 = 220;

/// An address as a QR code: an `svg` element to stand in a page, named by a label of our own. It holds squares and nothing of the address's text.
pub fn svg(address: &str, label: &str) -> Result<String> {
    let code = QrCode::new(address.as_bytes()).map_err(|e| Error::internal("an address does not fit into a QR code", e.to_string()))?;
    let picture = code.render::<svg::Color>().min_dimensions(WIDTH, WIDTH).build();
    let element = picture.find("<svg").and_then(|at| picture.get(at + 4..)).unwrap_or_default();
    Ok(format!("<svg class=\"qr\" role=\"img\" aria-label=\"{label}\"{element}"))
}

/// A secret in groups of four, as people type it.
pub fn in_groups(secret: &str) -> String {
    let characters: Vec<char> = secret.chars().collect();
    characters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_is_one_element_without_a_prolog() {
        let picture = svg("otpauth://totp/a:b?secret=JBSWY3DPEHPK3PXP&issuer=a", "码").unwrap();
        assert!(picture.starts_with("<svg class=\"qr\" role=\"img\"") && picture.ends_with("</svg>"), "{picture}");
        assert!(!picture.contains("<?xml") && !picture.contains("JBSWY3DPEHPK3PXP"));
        assert_eq!(in_groups("JBSWY3DPEH"), "JBSW Y3DP EH");
    }
}
