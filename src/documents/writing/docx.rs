//! Word documents (Office Open XML), written part by part: no more than what a document of an office needs, and nothing that asks for a repair.

use std::io::{Cursor, Write};

use quick_xml::escape::escape;
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::{Alignment, Block, Manuscript, Paragraph, Run, Table, parts};
use crate::error::{Error, Result};

/// Width and height of A4 and the margin, in twentieths of a point.
const PAGE: (u32, u32) = (11_906, 16_838);
const MARGIN: u32 = 1_304;

/// The bytes of a .docx. The same manuscript always gives the same bytes.
///
/// # Errors
/// [`crate::error::Code::Internal`] when the archive cannot be built, which only happens when memory ends.
pub fn write_docx(manuscript: &Manuscript) -> Result<Vec<u8>> {
    let mut body = Body { xml: String::new(), links: Vec::new(), width: text_width(manuscript) };
    for block in &manuscript.blocks {
        body.block(block);
    }
    let document = format!(
        "{}<w:document xmlns:w=\"{}\" xmlns:r=\"{}\"><w:body>{}{}</w:body></w:document>",
        parts::DECLARATION,
        parts::WORD,
        parts::RELATIONS,
        body.xml,
        section(manuscript.is_landscape),
    );
    let files = [
        ("[Content_Types].xml", parts::CONTENT_TYPES.to_owned()),
        ("_rels/.rels", parts::PACKAGE_RELATIONS.to_owned()),
        ("docProps/core.xml", parts::core_properties(&text(&manuscript.title), &text(&manuscript.creator))),
        ("docProps/app.xml", parts::APP_PROPERTIES.to_owned()),
        ("word/document.xml", document),
        ("word/styles.xml", parts::STYLES.to_owned()),
        ("word/settings.xml", parts::SETTINGS.to_owned()),
        ("word/footer1.xml", parts::FOOTER.to_owned()),
        ("word/_rels/document.xml.rels", parts::document_relations(&body.links)),
    ];
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, content) in files {
        archive.start_file(name, options).map_err(|e| Error::internal("a document could not be packed", e))?;
        archive.write_all(content.as_bytes()).map_err(|e| Error::internal("a document could not be packed", e))?;
    }
    archive.finish().map(Cursor::into_inner).map_err(|e| Error::internal("a document could not be packed", e))
}

/// Width of a line of text, in twentieths of a point.
fn text_width(manuscript: &Manuscript) -> u32 {
    let (width, height) = PAGE;
    if manuscript.is_landscape { height - 2 * MARGIN } else { width - 2 * MARGIN }
}

fn section(is_landscape: bool) -> String {
    let (width, height) = PAGE;
    let size = if is_landscape {
        format!("<w:pgSz w:w=\"{height}\" w:h=\"{width}\" w:orient=\"landscape\"/>")
    } else {
        format!("<w:pgSz w:w=\"{width}\" w:h=\"{height}\"/>")
    };
    format!(
        "<w:sectPr><w:footerReference w:type=\"default\" r:id=\"rFooter\"/>{size}<w:pgMar w:top=\"{MARGIN}\" w:right=\"{MARGIN}\" w:bottom=\"{MARGIN}\" \
         w:left=\"{MARGIN}\" w:header=\"720\" w:footer=\"720\" w:gutter=\"0\"/></w:sectPr>"
    )
}

/// Words as XML takes them: escaped, and without the control characters that it refuses in any form.
pub(super) fn text(words: &str) -> String {
    let allowed: String =
        words.chars().filter(|c| matches!(c, '\t' | '\n') || (!c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}'))).collect();
    escape(&allowed).into_owned()
}

struct Body {
    xml: String,
    /// Targets of hyperlinks; the n-th has the relation `rLink{n}`.
    links: Vec<String>,
    width: u32,
}

impl Body {
    fn block(&mut self, block: &Block) {
        match block {
            Block::Title(words) => self.styled("Title", &Paragraph::plain(words)),
            Block::Heading(level, words) => {
                let style = match level {
                    0 | 1 => "Heading1",
                    2 => "Heading2",
                    _ => "Heading3",
                };
                self.styled(style, &Paragraph::plain(words));
            }
            Block::Paragraph(paragraph) => self.paragraph(paragraph, ""),
            Block::Table(table) => self.table(table),
        }
    }

    fn styled(&mut self, style: &str, paragraph: &Paragraph) {
        self.paragraph(paragraph, &format!("<w:pStyle w:val=\"{style}\"/>"));
    }

    fn paragraph(&mut self, paragraph: &Paragraph, style: &str) {
        // The order of the properties is the schema's: style, page, indentation, alignment.
        let kept = if paragraph.is_kept_with_next { "<w:keepNext/>" } else { "" };
        let indentation = if paragraph.is_indented { "<w:ind w:firstLineChars=\"200\" w:firstLine=\"480\"/>" } else { "" };
        let alignment = match paragraph.alignment {
            Alignment::Left => "",
            Alignment::Centre => "<w:jc w:val=\"center\"/>",
            Alignment::Right => "<w:jc w:val=\"right\"/>",
        };
        self.xml.push_str("<w:p>");
        let properties = format!("{style}{kept}{indentation}{alignment}");
        if !properties.is_empty() {
            self.xml.push_str(&format!("<w:pPr>{properties}</w:pPr>"));
        }
        for run in &paragraph.runs {
            self.run(run);
        }
        self.xml.push_str("</w:p>");
    }

    fn run(&mut self, run: &Run) {
        let link = run.link.as_deref().filter(|link| link.starts_with("https://") || link.starts_with("http://"));
        if let Some(link) = link {
            self.links.push(text(link));
            self.xml.push_str(&format!("<w:hyperlink r:id=\"rLink{}\" w:history=\"1\">", self.links.len()));
        }
        let mut properties = String::new();
        if link.is_some() {
            properties.push_str("<w:rStyle w:val=\"Hyperlink\"/>");
        }
        if run.is_bold {
            properties.push_str("<w:b/><w:bCs/>");
        }
        if run.is_struck {
            properties.push_str("<w:strike/>");
        }
        if let Some(colour) = run.colour {
            properties.push_str(&format!("<w:color w:val=\"{}\"/>", colour.0));
        }
        if run.is_underlined {
            properties.push_str("<w:u w:val=\"single\"/>");
        }
        self.xml.push_str("<w:r>");
        if !properties.is_empty() {
            self.xml.push_str(&format!("<w:rPr>{properties}</w:rPr>"));
        }
        for (n, line) in run.text.split('\n').enumerate() {
            if n > 0 {
                self.xml.push_str("<w:br/>");
            }
            for (n, part) in line.split('\t').enumerate() {
                if n > 0 {
                    self.xml.push_str("<w:tab/>");
                }
                if !part.is_empty() {
                    self.xml.push_str(&format!("<w:t xml:space=\"preserve\">{}</w:t>", text(part)));
                }
            }
        }
        self.xml.push_str("</w:r>");
        if link.is_some() {
            self.xml.push_str("</w:hyperlink>");
        }
    }

    fn table(&mut self, table: &Table) {
        let whole: u32 = table.widths.iter().map(|w| u32::from(*w)).sum::<u32>().max(1);
        let widths: Vec<u32> = table.widths.iter().map(|w| self.width * u32::from(*w) / whole).collect();
        if widths.is_empty() {
            return;
        }
        self.xml.push_str(&format!(
            "<w:tbl><w:tblPr><w:tblStyle w:val=\"TableGrid\"/><w:tblW w:w=\"{}\" w:type=\"dxa\"/><w:tblLayout w:type=\"fixed\"/></w:tblPr><w:tblGrid>",
            widths.iter().sum::<u32>()
        ));
        for width in &widths {
            self.xml.push_str(&format!("<w:gridCol w:w=\"{width}\"/>"));
        }
        self.xml.push_str("</w:tblGrid>");
        if !table.head.is_empty() {
            self.row(&widths, &table.head, true);
        }
        for row in &table.rows {
            self.row(&widths, row, false);
        }
        // A paragraph must stand between a table and whatever follows, also the end of the text.
        self.xml.push_str("</w:tbl><w:p/>");
    }

    fn row(&mut self, widths: &[u32], cells: &[Vec<Paragraph>], is_head: bool) {
        self.xml.push_str(if is_head { "<w:tr><w:trPr><w:tblHeader/></w:trPr>" } else { "<w:tr>" });
        for (n, width) in widths.iter().enumerate() {
            let shade = if is_head { "<w:shd w:val=\"clear\" w:color=\"auto\" w:fill=\"E9F1F8\"/>" } else { "" };
            self.xml.push_str(&format!("<w:tc><w:tcPr><w:tcW w:w=\"{width}\" w:type=\"dxa\"/>{shade}</w:tcPr>"));
            match cells.get(n).map(Vec::as_slice) {
                None | Some([]) => self.xml.push_str("<w:p><w:pPr><w:pStyle w:val=\"TableText\"/></w:pPr></w:p>"),
                Some(paragraphs) => paragraphs.iter().for_each(|paragraph| self.styled("TableText", paragraph)),
            }
            self.xml.push_str("</w:tc>");
        }
        self.xml.push_str("</w:tr>");
    }
}

#[cfg(test)]
mod tests {
    use super::super::Colour;
    use super::*;
    use crate::documents::{Limits, read};

    fn sample() -> Manuscript {
        let struck = Run { is_struck: true, colour: Some(Colour::RED), ..Run::plain("旧<词>") };
        let added = Run { is_underlined: true, is_bold: true, ..Run::plain("新&词\n第二行") };
        let linked = Run { link: Some("https://example.org/a?b=1&c=2".into()), ..Run::plain("看原文") };
        let unsafe_link = Run { link: Some("javascript:alert(1)".into()), ..Run::plain("不是链接") };
        Manuscript {
            title: "对照表 \"甲\" & 乙".into(),
            creator: "清河市司法局".into(),
            is_landscape: true,
            blocks: vec![
                Block::Title("对照表".into()),
                Block::Heading(1, "一、说明".into()),
                Block::Paragraph(Paragraph { runs: vec![struck, added, linked, unsafe_link], is_indented: true, ..Paragraph::default() }),
                Block::Paragraph(Paragraph::plain("坏\u{1}字\u{b}符\u{ffff}去掉")),
                Block::Table(Table {
                    widths: vec![1, 3],
                    head: vec![vec![Paragraph::bold("甲栏")], vec![Paragraph::bold("乙栏")]],
                    rows: vec![
                        vec![vec![Paragraph::plain("一")]],
                        vec![vec![], vec![Paragraph::plain("二"), Paragraph::plain("三")], vec![]],
                    ],
                }),
            ],
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let bytes = write_docx(&sample()).unwrap();
        assert_eq!(bytes, write_docx(&sample()).unwrap(), "always the same bytes");
        let document = read("对照表.docx", &bytes, &Limits::default()).unwrap();
        let (words, _) = document.full_text();
        for expected in ["对照表", "一、说明", "旧<词>", "新&词", "第二行", "看原文", "坏字符去掉", "甲栏", "二", "三"]
        {
            assert!(words.contains(expected), "{expected} in {words}");
        }
    }

    #[test]
    fn every_part_is_well_formed_and_known_to_the_package() {
        let mut archive = zip::ZipArchive::new(Cursor::new(write_docx(&sample()).unwrap())).unwrap();
        let mut parts = std::collections::BTreeMap::new();
        for n in 0..archive.len() {
            let mut file = archive.by_index(n).unwrap();
            let mut xml = String::new();
            std::io::Read::read_to_string(&mut file, &mut xml).unwrap();
            let name = String::from_utf8(file.name_raw().to_vec()).unwrap();
            let mut reader = quick_xml::Reader::from_str(&xml);
            let mut depth = 0i32;
            loop {
                match reader.read_event().unwrap_or_else(|e| panic!("{name}: {e}")) {
                    quick_xml::events::Event::Start(_) => depth += 1,
                    quick_xml::events::Event::End(_) => depth -= 1,
                    quick_xml::events::Event::Eof => break,
                    _ => {}
                }
            }
            assert_eq!(depth, 0, "{name}");
            parts.insert(name, xml);
        }
        let types = &parts["[Content_Types].xml"];
        for name in parts.keys().filter(|name| !name.ends_with(".rels") && *name != "[Content_Types].xml") {
            assert!(types.contains(&format!("PartName=\"/{name}\"")), "{name} has a content type");
        }
        let relations = &parts["word/_rels/document.xml.rels"];
        let document = &parts["word/document.xml"];
        assert!(relations.contains("https://example.org/a?b=1&amp;c=2") && !relations.contains("javascript"));
        for id in document.split("r:id=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(relations.contains(&format!("Id=\"{id}\"")), "{id} is a relation");
        }
        for style in document.split("Style w:val=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(parts["word/styles.xml"].contains(&format!("w:styleId=\"{style}\"")), "{style} is a style");
        }
    }
}
