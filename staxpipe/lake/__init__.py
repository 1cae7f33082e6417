"""The lake: FOCUS line items in one Apache Iceberg table."""
