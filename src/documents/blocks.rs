//! 段落与表格 → lines: what `docx` and `html` share.
//!
//! A paragraph is a line; a row of a table is one line `| a | b |`. A row with a single cell is layout, not data: its paragraphs stay
//! lines. A table inside a cell becomes text of that cell.

/// Builds lines from nested blocks. Closing more than was opened does nothing.
#[derive(Default)]
pub(super) struct Blocks {
    out: String,
    tables: Vec<Table>,
}

#[derive(Default)]
struct Table {
    cells: Vec<String>,
    is_in_cell: bool,
}

impl Blocks {
    /// Appends text to the current line.
    pub fn push(&mut self, text: &str) {
        self.sink().push_str(text);
    }

    /// Ends the current line, if anything stands on it.
    pub fn end_line(&mut self) {
        let sink = self.sink();
        if !sink.is_empty() && !sink.ends_with('\n') {
            sink.push('\n');
        }
    }

    /// Ends the current line, even an empty one.
    pub fn break_line(&mut self) {
        self.sink().push('\n');
    }

    /// Last character written to the current line's place.
    pub fn last(&self) -> Option<char> {
        let open = self.tables.iter().rev().find(|table| table.is_in_cell && !table.cells.is_empty());
        open.and_then(|table| table.cells.last()).unwrap_or(&self.out).chars().next_back()
    }

    pub fn open_table(&mut self) {
        self.end_line();
        self.tables.push(Table::default());
    }

    pub fn open_cell(&mut self) {
        if let Some(table) = self.tables.last_mut() {
            table.cells.push(String::new());
            table.is_in_cell = true;
        }
    }

    pub fn close_cell(&mut self) {
        if let Some(table) = self.tables.last_mut() {
            table.is_in_cell = false;
        }
    }

    pub fn close_row(&mut self) {
        let Some(table) = self.tables.last_mut() else { return };
        table.is_in_cell = false;
        let cells = std::mem::take(&mut table.cells);
        let is_nested = self.tables.len() > 1;
        let line = match cells.as_slice() {
            [] => return,
            [only] => only.trim_end_matches('\n').to_owned(),
            several if is_nested => several.iter().map(|cell| one_line(cell)).collect::<Vec<_>>().join(" "),
            several => {
                let cells: Vec<String> = several.iter().map(|cell| one_line(cell).replace('|', "\\|")).collect();
                format!("| {} |", cells.join(" | "))
            }
        };
        // The row's line goes to whatever the table stands in.
        let table = self.tables.pop();
        self.end_line();
        self.push(&line);
        self.end_line();
        self.tables.extend(table);
    }

    pub fn close_table(&mut self) {
        self.close_row();
        self.tables.pop();
    }

    /// The lines built so far; open tables are closed.
    pub fn finish(mut self) -> String {
        while !self.tables.is_empty() {
            self.close_table();
        }
        self.out
    }

    /// Where text goes now: the open cell of the innermost table, or the text itself. Text between cells stays outside the table.
    fn sink(&mut self) -> &mut String {
        let open = self.tables.iter().rposition(|table| table.is_in_cell && !table.cells.is_empty());
        match open.and_then(|index| self.tables.get_mut(index)).and_then(|table| table.cells.last_mut()) {
            Some(cell) => cell,
            None => &mut self.out,
        }
    }
}

fn one_line(cell: &str) -> String {
    cell.split('\n').map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_pipe_lines_and_layout_cells_stay_paragraphs() {
        let mut blocks = Blocks::default();
        blocks.push("前文");
        blocks.open_table();
        for row in [["甲", "乙|丙"], ["一\n二", ""]] {
            for cell in row {
                blocks.open_cell();
                blocks.push(cell);
                blocks.close_cell();
            }
            blocks.close_row();
        }
        blocks.open_cell();
        blocks.push("独\n行\n");
        blocks.close_table();
        blocks.push("后文");
        assert_eq!(blocks.finish(), "前文\n| 甲 | 乙\\|丙 |\n| 一 二 |  |\n独\n行\n后文");
    }

    #[test]
    fn a_table_in_a_cell_is_text_of_the_cell() {
        let mut blocks = Blocks::default();
        blocks.open_table();
        blocks.open_cell();
        blocks.push("外");
        blocks.open_table();
        for cell in ["内一", "内二"] {
            blocks.open_cell();
            blocks.push(cell);
            blocks.close_cell();
        }
        blocks.close_table();
        blocks.close_cell();
        blocks.open_cell();
        blocks.push("邻");
        assert_eq!(blocks.finish(), "| 外 内一 内二 | 邻 |\n");
    }

    #[test]
    fn closing_without_opening_does_nothing() {
        let mut blocks = Blocks::default();
        blocks.close_row();
        blocks.close_table();
        blocks.close_cell();
        blocks.open_cell();
        blocks.push("文");
        assert_eq!(blocks.finish(), "文");
    }
}
