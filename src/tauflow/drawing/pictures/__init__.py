"""Pictures of results that are numbers: functions draw(figure, result, colours), named by the `picture` of a result's class."""
