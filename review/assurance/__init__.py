"""What is known of what rules let through: error rates from audit samples, and the thresholds that they allow."""
