"""What a forecaster sees of a table: `encoder` turns rows and questions into numbers, `windows` cuts them, `calendar` knows the clock."""
