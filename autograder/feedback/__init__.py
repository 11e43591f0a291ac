"""What a person is told of a result, and how it looks: in a terminal, in Markdown, in HTML. What students may see is decided here."""
