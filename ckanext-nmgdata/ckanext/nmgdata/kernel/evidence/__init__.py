"""Files that somebody attaches to a case (证明材料): checked, sealed, shown to its handlers only."""
