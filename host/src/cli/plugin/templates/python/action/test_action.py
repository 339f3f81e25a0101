import unittest

from action import score


class Score(unittest.TestCase):
    def test_a_reachable_lead_with_a_large_contract_is_hot(self):
        lead = {"email": "anna@example.com", "contract_value": 12_500}
        self.assertEqual(score(lead), {"score": 100, "segment": "hot"})

    def test_what_is_not_known_counts_nothing(self):
        self.assertEqual(score({"email": None}), {"score": 0, "segment": "cold"})
        self.assertEqual(score({"contract_value": 1_000}), {"score": 30, "segment": "cold"})


if __name__ == "__main__":
    unittest.main()
