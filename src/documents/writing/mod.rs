//! Writing documents: a plain model of what an office sends out, and the file formats it becomes.
//!
//! To say something new in a Word document, add a [`Block`] and its case in `docx.rs`. Spreadsheets are written row by row (`xlsx.rs`);
//! an uploaded table goes back with remarks through `returned.rs`.

mod docx;
mod parts;
pub mod returned;
pub mod xlsx;

pub use docx::write_docx;

use super::downloads;

/// A colour as RRGGBB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub &'static str);

impl Colour {
    /// What was taken out. Never alone: struck through as well.
    pub const RED: Colour = Colour("A9301C");
    /// What was put in. Never alone: underlined as well.
    pub const BLUE: Colour = Colour("0F4C81");
    /// What matters less.
    pub const GREY: Colour = Colour("5A6570");
}

/// Words of one look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// The words; a line break stays a line break.
    pub text: String,
    /// 黑体
    pub is_bold: bool,
    /// 下划线
    pub is_underlined: bool,
    /// 删除线
    pub is_struck: bool,
    /// Colour; `None` = black.
    pub colour: Option<Colour>,
    /// Target of a hyperlink, http or https; anything else is written as plain words.
    pub link: Option<String>,
}

impl Run {
    /// Words without any mark.
    pub fn plain(text: &str) -> Run {
        Run { text: text.to_owned(), ..Run::default() }
    }
}

/// How a paragraph stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Alignment {
    /// 左对齐
    #[default]
    Left,
    /// 居中
    Centre,
    /// 右对齐
    Right,
}

/// A paragraph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paragraph {
    /// Its words.
    pub runs: Vec<Run>,
    /// How it stands.
    pub alignment: Alignment,
    /// 首行缩进二字
    pub is_indented: bool,
    /// 与下段同页
    pub is_kept_with_next: bool,
}

impl Paragraph {
    /// Words without any mark.
    pub fn plain(text: &str) -> Paragraph {
        Paragraph { runs: vec![Run::plain(text)], ..Paragraph::default() }
    }

    /// Words as running text: two characters indented.
    pub fn body(text: &str) -> Paragraph {
        Paragraph { is_indented: true, ..Paragraph::plain(text) }
    }

    /// Words in bold.
    pub fn bold(text: &str) -> Paragraph {
        Paragraph { runs: vec![Run { is_bold: true, ..Run::plain(text) }], ..Paragraph::default() }
    }
}

/// A table; its head is repeated on every page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Widths of the columns, in parts of the whole.
    pub widths: Vec<u16>,
    /// Cells of the head.
    pub head: Vec<Vec<Paragraph>>,
    /// Cells by row; missing ones are empty, those beyond the last width are left out.
    pub rows: Vec<Vec<Vec<Paragraph>>>,
}

/// A piece of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// 标题 of the whole.
    Title(String),
    /// A heading: level 1 = 一、, 2 = （一）, 3.
    Heading(u8, String),
    /// A paragraph.
    Paragraph(Paragraph),
    /// A table.
    Table(Table),
}

/// A document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manuscript {
    /// Title, as file properties show it.
    pub title: String,
    /// Who made it, as file properties show it: an organ, never a person.
    pub creator: String,
    /// 横向
    pub is_landscape: bool,
    /// What stands in it. Pages are numbered.
    pub blocks: Vec<Block>,
}

/// Media type of a Word document.
pub const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";

/// The header that names a download: in full for every browser of today, plainly for the others.
pub fn attachment(name: &str) -> String {
    let extension = name.rsplit_once('.').map_or("bin", |(_, extension)| extension);
    let plain: String = extension.chars().filter(char::is_ascii_alphanumeric).collect();
    downloads::disposition(false, &format!("zhitong.{plain}"), name)
}

#[cfg(test)]
mod tests {
    use super::attachment;

    #[test]
    fn names_of_downloads_cannot_break_the_header() {
        assert_eq!(
            attachment("对照\"\r\n.docx"),
            "attachment; filename=\"zhitong.docx\"; filename*=UTF-8''%E5%AF%B9%E7%85%A7%22%0D%0A.docx"
        );
        assert_eq!(attachment("x"), "attachment; filename=\"zhitong.bin\"; filename*=UTF-8''x");
    }
}
