import unittest

from template import Unusable, message

CONFIG = {"channel": "#sales"}


class Message(unittest.TestCase):
    def test_a_lead_is_told_with_its_address_if_it_has_one(self):
        lead = {"name": "Anna", "email": "anna@example.com"}
        self.assertEqual(message(CONFIG, lead), {"channel": "#sales", "text": "New lead: Anna (anna@example.com)"})
        self.assertEqual(message(CONFIG, {"name": "Anna"})["text"], "New lead: Anna")

    def test_a_lead_without_a_name_is_refused_with_the_reason(self):
        with self.assertRaisesRegex(Unusable, "`name` is missing"):
            message(CONFIG, {})


if __name__ == "__main__":
    unittest.main()
