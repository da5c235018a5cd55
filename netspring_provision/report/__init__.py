"""Reports for people (HTML in Chinese and English) and for programs (JUnit XML)."""
