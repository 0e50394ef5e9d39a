"""What the fault suite is built of: places (installations), fakes that count, a proxy that harms, and the comparison."""
