//! Models of what was told: functions of samples and a seed that say what a configuration may be worth. Never a
//! strategy's decision, which is made of what they say.

pub mod forest;
