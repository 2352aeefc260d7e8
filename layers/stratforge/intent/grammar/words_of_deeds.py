"""Words of what is done: buying and selling, stops, sizes, limits, hours, and the words that join them, by their types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# fmt: off
DEEDS: dict[str, Mapping[Any, str] | str] = {
    "up": "up|higher|in profit|ahead|in the green|in the money|to the good|green|winning|plus|+",
    "down": "down|lower|in loss|behind|in the red|underwater|under water|at a loss|against me|offside|red|losing|minus",
    "sign": {
        "+": "+|plus",
        "-": "-|minus|—",
    },
    "buy": (
        "buy|buys|buying|enter|enters|entering|go long|goes long|going long|long|get in|gets in|get long|get me in|get me long|hop in|jump in|hop into|"
        "jump into|get into|gets into|grab|grabs|pick up|picks up|scoop up|scoops up|snag|snags|load up|loads up|load up on|accumulate|acquire|acquires|"
        "purchase|purchases|open a long|opens a long|open long|open a position|take a position|take a long|take a long position|enter long|enters long|"
        "enter a long|enter a long position|enter a long trade|enter a trade|enter a position|own it|own|hold it|be long|in|bid|step in|buy in|buys in|"
        "go in|we buy|i buy|i get in|i get into|i go long|we go long|i enter|we enter|gets me in|get me into|put me in|put me long|take it|take the trade|"
        "pull the trigger|snap up|snaps up|invest in|invest|ape in|ape into|get some|swoop in|open a long position|open a long in|initiate a long|"
        "start a position|take the long|want in|i want in|i'm in|dive in|fire a long|trigger a buy|place a buy|gets bought|get bought|is bought|bought|"
        "to buy|should buy|i'll buy|i'd buy|buy it|buy some|buy shares|pile in|go for it|take a long in|go long on|goes long on|long on|enter on|entry on|"
        "entry when|entry if|entry at|entry is|entry once|entry|entry:|that's my buy|that's the buy|that's the entry|that's my entry|take the entry|"
        "entry is when"
    ),
    "sell": (
        "give up|hold until|hold it until|hold till|keep it until|ride it until|stay in until|stay until|stay long until|hold on until|ride until|"
        "keep holding until|holding until|hold on to it until|i stay until|i hold until|hold them until|sell|sells|selling|exit|exits|exiting|get out|"
        "gets out|get me out|bail|bails|bail out|dump|dumps|ditch|out|close|close out|close it|closes|close it out|close the position|close position|"
        "close the trade|liquidate|liquidates|flatten|flattens|go flat|goes flat|be flat|flat|cash out|unload|unloads|offload|hop out|jump out|leave|"
        "get rid of|let go of|let it go|let go|sell off|sell out|dispose of|unwind|i sell|we sell|i get out|i exit|i'm out|im out|i bail|get out of|"
        "exit out|scram|cut it|cut|release|step out|punch out|jettison|i want out|gets me out|take me out|i leave|be out|sold|sells off|close the long|"
        "exit long|exit the trade|exit the position|close everything|close all|flat out|liquidation|should sell|don't own it|to sell|all out|get flat|"
        "pull out|i'd sell|i'll sell|square off|cash in|closed|closing|is sold|gets sold|be sold|shed|part with|drop it|drop them|kill it|kill the trade|"
        "end the trade|peace out|head out|wrap up|we're out|sell to close"
    ),
    "object": (
        "em|em all|'em|it|them|everything|all|all of it|all of them|the position|position|the lot|the whole thing|the shares|shares|the stock|my shares|"
        "my position|the whole position|the trade|whatever is left|whatever's left|anything left|what's left|what is left|the rest|anything still open|"
        "whatever is open|all shares|any open position|open positions|all positions|any remaining position|the whole lot|anything|the holding|my holding|"
        "remaining shares|the long|any position|any open trade|it all|whatever i hold|what i hold|whatever's still open|anything that's left|any leftovers"
    ),
    "rest": (
        "the rest|rest|the remainder|remainder|other half|the other half|remaining half|the remaining half|the remaining|last half|second half|"
        "the second half"
    ),
    "part": {
        50.0: "half|1/2|half of it|half of the position|half the position|50%",
        33.3333: "a third|third|one third|1/3|one-third",
        25.0: "a quarter|quarter|one quarter|1/4|one fourth|a fourth|a quarter of the position",
    },
    "off": "off|out|of it|of the position|of the shares|of them|away|the position|position|of my position",
    "when": (
        "when|whenever|if|once|as soon as|every time|each time|any time|anytime|the moment|in case|where|while|as long as|on|upon|provided|provided that|"
        "assuming|the minute|at the moment|so long as|given|wherever|the instant|only if|only when|but only if|only while|but only when|"
        "only as long as|but only while|at|with|only with|only once|only after|if and only if|providing|on a|on an|the first time|first time|"
        "every single time|when and only when|any time that|on the"
    ),
    "then": (
        "then|we|i|you|it should|the bot should|it|just|go ahead and|simply|please|and then|immediately|bot|would|will|should|to|want to|i want to|"
        "i'd like to|let's|lets|gonna|also|please just|always|you should"
    ),
    "and": (
        "and|w/|with a|but only|and only|in addition|additionally|on top of that|plus only|but with|&|&&|plus|as well as|and also|with|while|and that|+|"
        "but|and the|along with|together with|combined with|and if|and when|yet|and where|and with|and while|and is|with the"
    ),
    "or": "or||||or if|or when|or once|or at|whichever comes first of|or on|or after|or as soon as",
    "either": "either",
    "both": "both|both the",
    "entry": (
        "entry|entry price|my entry|the entry|the entry price|my entry price|purchase price|buy price|what i paid|cost|my cost|my fill|fill|fill price|"
        "the price i paid|my buy price|cost basis|purchase|buy-in|the fill|my purchase price|where i bought|where i got in|price paid"
    ),
    "stop": (
        "stop|stop loss|stop-loss|stoploss|sl|hard stop|protective stop|initial stop|fixed stop|stop out|stopped out|stop me out|cut losses|cut loss|"
        "cut my losses|cut the loss|safety stop|stop it out|cut it|stop loss order|disaster stop|emergency stop|stops|a stop|stopping|my stop|stops out|"
        "max loss|maximum loss|stop everything|cut|bail|stop of|stops me out|bail out|stop the trade|give up|cut it off|get stopped|with a stop|"
        "stop them out|catastrophe stop"
    ),
    "target": (
        "target|take profit|tp|profit target|take-profit|take profits|price target|lock in gains|lock in profits|lock in profit|lock in|book profits|"
        "book profit|take my profit|take my profits|take gains|profit|takeprofit|take|goal|cash in|bank profits|bank|profit goal|targets|profit-taking|"
        "lock it in|book gains|take the money|my target|take the profit|profit taking|book|gain target|cash out"
    ),
    "trail": (
        "trailing stop|trail|trailing stop loss|trailing|trailing stop-loss|tsl|trail it|trail by|trailing exit|trailing stop of|trail the stop|trails|"
        "trail a stop|trail my stop|trailing sl|trails by|trail with|trailer|trailing by"
    ),
    "ofequity": (
        "of equity|of my equity|of the account|of my account|of account|of my portfolio|of portfolio|of the portfolio|of capital|of my capital|"
        "of my money|of acct|of my acct|of my paper account|of the equity|of funds|"
        "of my funds|of account equity|of my balance|of account value|equity|of my stack|of the capital|account|of my paper money|of net worth|"
        "of my account equity|of the account equity|of total equity|of what i have|of my trading account|of bankroll|of my bankroll|of the bankroll|"
        "of my account value|portfolio|of my total equity"
    ),
    "allof": (
        "whole account|my whole account|the whole account|all my money|everything i have|everything i've got|full account|all in|"
        "all my capital|entire account|my entire account|all my equity|all equity|full equity|full size|all of my money|"
        "my whole portfolio|the entire account|full port|whole portfolio|entire portfolio|the whole portfolio"
    ),
    "sizeword": (
        "size|sizing|position size|position|qty|quantity|amount|allocation|stake|notional|position sizing|trade size|use|using|with|put|bet|invest|cap|"
        "clip|commit|allocate|for|worth|position of|size of|lot size|order size|lot|throw|deploy|spend|budget|each trade|stick|dollar amount|trade|"
        "per trade|buying power|share count|shares|capital|trades of|put in"
    ),
    "shares": "shares|share|shs|sh|coins|coin|units|contracts",
    "pertrade": (
        "per trade|each|each time|each trade|a trade|per position|per entry|at a time|every time|for each trade|a pop|per buy|per order|on each trade|"
        "into it|in|into|worth|only|tops|max|to it|per go|each go|in it|a clip|a go|of it|positions|position|size|in each trade|worth of|clips|lots|trades"
    ),
    "max": (
        "max|maximum|at most|no more than|up to|limit|limit to|limit of|maximum of|a maximum of|not more than|cap at|never more than|max.|only|capped at|"
        "cap of|limited to|keep it to|don't do more than|don't take more than|do not take more than|stop after|never take more than|max of|cap|"
        "don't trade more than|do at most|make at most|no more|tops|just|take at most|don't make more than"
    ),
    "tradeword": (
        "trades|trade|entries|entry|buys|buy|positions|shots|shot|round trips|new trades|new entries|times|round trip|trades total|long entries|"
        "new positions|attempts|tries|go|goes|try|time|signals|purchases|trade max|bullets|swings|setups|purchase|position"
    ),
    "perday": (
        "per day|a day|each day|/day|daily|every day|/ day|a session|per session|per trading day|/session|day|each session|in a day|in one day|on any day|"
        "for the day|in any day|on one day|on a day|each trading day|on the same day|the same day|in the same day|in any one day|a trading day|that day|"
        "on a single day"
    ),
    "tops": "tops|max|maximum|only|at most|at the most|total|limit|or less|max.|in total|and that's it|and done|no more|and no more|at max",
    "oneday": (
        "one and done|once a day|once per day|one shot per day|one and done each day|one and done per day|only once a day|only once per day|"
        "one trade a day|one trade per day|one trade each day|one entry a day|one entry per day|single entry per day|at most once a day|1x/day|1x per day|"
        "once daily|max once a day|one and done daily|done for the day after|once a day only|once a day max|max one a day|one a day|one per day|"
        "done for the day after that|one time a day|first signal only each day|only the first signal of the day|only the first signal each day|"
        "first one each day only|1x a day|just once a day"
    ),
    "no": "no|don't|do not|never|not|avoid|skip|dont|ignore|nothing|without|stop|no more",
    "noentry": (
        "no entries|no new entries|no buys|no new trades|no trades|don't buy|do not buy|no entry|no new positions|don't enter|do not enter|never buy|"
        "never enter|no buying|stay out|don't trade|do not trade|no trading|skip|ignore signals|ignore|avoid|nothing|nothing new|not|never trade|"
        "skip entries|stop buying|stop entering|no new buys|sit out|sits out|no new longs|no longs|never open anything|don't open anything|"
        "do not open anything|no new|stop opening|no fresh entries|don't take entries|don't take trades|no new position|don't start anything|"
        "don't start new trades|stay away|dont trade|dont buy|dont enter|do nothing|don't touch it|won't buy|doesn't buy|must not buy|should not buy|"
        "shouldn't buy|never go long|ignore entries|ignore buy signals|no positions|don't get in|no signals|no action|don't take any trades|"
        "don't take any entries|don't do anything|hands off|trade nothing|quit buying|quit entering|stop taking entries|stop taking trades|no trade|"
        "don't open new positions|don't open positions|don't buy anything|but not|but never"
    ),
    "only": (
        "only|just|only trade|only buy|only enter|trade only|buy only|but only|only take|entries only|only take entries|only take trades|trading only|"
        "only go long|buys only|only entries|entries|enter only|new entries only|restrict entries to|limit entries to|keep entries|trading hours|"
        "trading window|only new entries|only active|time window|for entries only|entry window|entry hours|only long|entries allowed|entries allowed only|"
        "entry time|entries are allowed|buying only|only buys|only enters|new trades only|trades only|purchases only|only trades|and only|time filter|"
        "trading time|only do this|do this only|run it only|only run|only run it|run only|only open|take entries only|take trades only|take signals only|"
        "only signals|only take signals|we only buy|we only trade|only act|only look"
    ),
    "foronly": (
        "for entries|entries|only|for buying|for new entries|for buys|for new trades|for entries only|for new positions|for entering|entries only|window|"
        "only for entries|only please|for longs|trading window|buys only|for trades|for new buys|for trading"
    ),
    "before": "before|prior to|earlier than|until|till|up to|ahead of",
    "afterword": (
        "after|past|post|later than|from|since|starting|starting at|beginning at|as of|not before|no earlier than|from then|beginning|following|"
        "once it's past|once it is past|it's past|onwards from|no sooner than|on or after|at or after|not earlier than"
    ),
    "onwards": "onwards|onward|on|and later|or later|and after|forward|and on|and beyond",
    "dash": "-|—|to|and|till|until|through|thru|up to|&",
    "at": "at|@|at exactly|right at|at precisely|it's|the clock says|the clock hits|it is|on the dot|time|the time is|precisely at|sharp at|the clock strikes|come|when it's|when it is|comes|is|as of",
    "due": "by|no later than|latest|not later than|at the latest|latest at",
    "sharp": (
        "sharp|on the dot|exactly|rolls around|no matter what|every day|at the latest|latest|ny time|new york|new york time|et|est|eastern|"
        "ny|nyc|in the morning|in the afternoon|is fine|eastern time|every single day|no exceptions|hits|whatever happens|"
        "every trading day|of each day|exchange time|est time|edt|on each day|at any rate|in any case|the latest|no matter|comes|arrives|anyway|either way|"
        "come what may|automatically|always"
    ),
    "openbell": "the open|open|the opening bell|market open|opening bell|the market open|open bell|the bell|the open bell|9:30 open",
    "closebell": (
        "the close|close|market close|the closing bell|end of day|eod|the bell|closing bell|the end of the day|end of the day|day end|the market close|"
        "the session close|end of session|the end of the session|session end|the market closes|close of day|the session ends|the end of day|the final bell|"
        "the close of trading|end of the session"
    ),
    "first": "first|opening|the first|initial|1st",
    "final": "last|final|the last|closing|the final",
    "inday": (
        "of the day|of trading|of the session|after the open|of each day|of the trading day|in the morning|after open|of every day|of the morning|"
        "of market|each day|every day|after the bell|after the opening bell|of day|of the open|after market open|daily"
    ),
    "toclose": (
        "before the close|before close|to the close|to close|before the bell|before market close|before the end of the day|of the day|of trading|"
        "of the session|of each day|before the closing bell|from the close|before the market closes|ahead of the close|prior to the close|before eod|"
        "before the end of the session|before end of day|to go"
    ),
    "weekday": {
        0: "monday|mondays|mon",
        1: "tuesday|tuesdays|tue|tues",
        2: "wednesday|wednesdays|wed|weds",
        3: "thursday|thursdays|thu|thur|thurs",
        4: "friday|fridays|fri",
        5: "saturday|saturdays|sat",
        6: "sunday|sundays|sun",
    },
    "exceptday": (
        "except|except on|unless it's|but not|but not on|but never on|not on|never on|skip|no|unless|not|excluding|apart from|avoid|other than|minus|"
        "nothing on|don't trade on|do not trade on|no trades on|no trading on|no entries on|stay out on|sit out|never trade on|don't buy on|don't trade|"
        "do not trade|no trading|no entries|never buy on|no buys on|without|never|leave out|don't do anything on|except for|besides|ignore|skipping|"
        "no new trades on|do not buy on|stays out on|sits out|every day but|every day except|any day but|all days but|all days except|any day except|"
        "every day but not|every weekday but|every weekday except|each day except"
    ),
    "onlyday": (
        "only|only on|only trade on|trade only on|only trade|only buy on|buys only on|buy only on|only enter on|"
        "enter only on|run it only on|runs only on|and only on|but only on"
    ),
    "held": (
        "after|in|within|time stop|timer|max hold|hold|hold for|time exit|maximum hold|time limit|for|hold it for|holding for|hold max|time-out|timeout|"
        "no longer than|at most|after holding for|after holding|after being in for|keep it for|hold at most|max holding time|hold for at most|hold for max|"
        "a time stop of|time stop after|once held for|when held for|hold no longer than|max time in trade|after holding it for|i've held it for|it's been|"
        "been in for|i've been in for|hold period|holding period|hold time|once i've held for|held for|it's been held for|time-based exit|a max of|"
        "stay in for|stays in for"
    ),
    "later": (
        "later|after entry|after the entry|after buying|after that|after entering|after i buy|after the buy|after the purchase|in the trade|in|timer|max|"
        "time stop|after getting in|after i get in|from entry|since entry|after purchase|afterwards|have passed|pass|no matter what|max hold|go by|"
        "after the fill|after entry no matter what|regardless|maximum|after my entry|into the trade|time limit|is up|are up|or so|after i'm in|"
        "after it buys|after we buy|after fill|has passed|tops|after opening|at most|from the entry|of holding|have gone by|after i bought|whatever happens"
    ),
    "wait": (
        "wait|pause|cooldown|cool down|cooldown of|sit out|rest|wait for|wait at least|cool off|cooling off|take a break of|break|stay out for|stay out|"
        "sit out for|pause for|don't buy for|don't buy again for|no new trades for|no new entry for|no entries for|no buys for|no re-entry for|"
        "don't re-enter for|rest for|skip|no buying for|don't enter again within|no new entry within|don't buy again within|no re-entry within|"
        "no trades for|don't trade for|do not re-enter for|do not buy again for|no entry within|no new trade within|leave|lay off for|hold off for|"
        "hold off|stand down for|don't buy within|do nothing for|take|give it|no new buys for|no new entries for|no new trades within|"
        "don't re-enter within|no re-entries for|do not re-enter within|do not enter again within|do not buy again within|no new entries within|"
        "no new buys within|stand aside for|step aside for|no new trade for"
    ),
    "aftersale": (
        "after a sale|after selling|after an exit|after each exit|after every exit|after exiting|after each sale|after a trade|after each trade|"
        "after any exit|after every sale|after closing|of an exit|of a sale|of selling|after every trade|between trades|after i sell|after any sale|"
        "after it sells|of the last exit|of the last sale|before the next trade|before buying again|before the next entry|before the next buy|"
        "before re-entering|before entering again|of exiting|after the exit|after the sale|after closing a trade|before another trade|before another entry|"
        "before trying again|after getting out|after a close|after an exit before buying again|after a sale before buying again|"
        "after selling before buying again|from the last exit|after each exit before buying again|after the last exit|after the last sale|"
        "before i buy again|before it buys again|before the next one|before getting back in|after i get out|before going again|before going back in|"
        "before a new entry|before a new trade|before re-entry|after each exit before re-entering|after an exit before re-entering|"
        "after a trade closes|after each trade closes|after every exit before buying again"
    ),
    "filler": (
        "use|set|every weekday|each weekday|weekdays|code up|whip up|cook up|throw together|got|have|having|here|attached|described|follows|"
        "works like this|it works like this|like this|like so|this way|tl;dr|tldr|summary|goal|objective|purpose|concept|approach|style|method|"
        "tactic|edge|game plan|recipe|blueprint|logic|spec|specs|specification|requirements|request|question|task|challenge|assignment|homework|"
        "keep it simple|anyway|in any case|whatever|simple one|super simple|easy one|nothing special|paper trade|paper trading|paper|"
        "for paper trading|for my paper account|on paper|hi there|hello there|hey there|howdy|hi all|hey all|sup|what's up|ok so|okay so|so basically|well|"
        "alright|right|as soon as you can|for now|for starters|to start|to begin|to begin with|firstly|secondly|finally|lastly|in addition|additionally|"
        "moreover|furthermore|note|nb|ps|fyi|remember|make sure|make sure to|be sure to|ensure|guaranteed|promise|obviously|of course|naturally|clearly|"
        "honestly|frankly|personally|like|kinda|you know|i mean|i guess|i think|i suppose|hopefully|preferably|if you would|would be great|would be nice|"
        "that would be great|thanks a lot|thanks so much|thank you so much|thank you very much|many thanks|thanks in advance|cheers mate|ta|a little|"
        "ride it|any day|any time|in between|prior bars only|dips|on dips|here goes|ideally|actually|simply|just|trade idea|day trading|"
        "something like|looking for|i'm looking for|looking to|i'm trying to|trying to|i'd love|love|could we|can we|can i|may i|shall we|how do i|"
        "is it possible to|possible to|let me|let us|let's do|do|please make|please build|please write|go|run|running|on my|on my account|during the day|"
        "as a|pure|plain|old|school|classic|standard|typical|usual|favorite|favourite|our|your|his|her|their|any time of day|all day|all day long|"
        "sell any time|exits any time|exit any time|as soon as possible|asap|right then|every day|each day|every trading day|each trading day|"
        "hey|hi|hello|thx|thanks|thank you|please|pls|plz|yo|can you|could you|would you|kindly|make|build|create|write|code|program|design|"
        "set up|me|a bot|bot|strategy|a strategy|algo|an algo|script|a script|system|that|which|who|i want|i need|i'd like|i would like|want|need|wanna|"
        "gimme|give me|for me|simple|basic|long only|long-only|only long|longs only|no shorts|no shorting|no short|1 minute|1-minute|1m|1 min|1-min|"
        "one-minute|1 minute chart|1-min chart|on the 1-minute chart|1 minute bars|1-minute bars|on 1-minute bars|so|ok|okay|basically|for|to|on|"
        "something|idea|rules|rule|my rules|are|is|the rules|the|a|the strategy|as follows|i|we|you|my|it|trading|trade|trades|scalper|scalping|scalp|"
        "daytrade|day trade|mean reversion|stuff|thing|one|setup|plan|using|quick|stock|stocks|etf|crypto|coin|easy|how about|let's|strat|would|"
        "nothing fancy|sir|guys|of|no pyramiding|no adding|whichever comes first|whichever happens first|whichever is first|that's it|that's all|cheers|"
        "nothing else|if possible|if you can|single position|one position|one position at a time|at a time|no leverage|market order|"
        "market orders|at market|at the market|dip buyer|you can|immediately|straight away|right away|also|really|always|paper account|good morning|"
        "good evening|good day|been|thinking|version|play|would you mind|help|us|try|test|following|the following|idea is|the idea|"
        "this|an|put together|trader|tia|much appreciated|appreciate it|appreciated|beginner|newbie|here's|here is|it's|bot for|want a bot|each time|"
        "every time|ticker|symbol|asset|instrument|shares of|stock is|market|be|will|should|must|there|automatically|long side only|no shorts please|"
        "at once|at any time|we trade|traded|asset is|underlying|security|whichever first|first to hit|whatever comes first|whatever happens first|"
        "either way|ever|lol|imo|ty|kind regards|regards|best|greetings|dear|friend|folks|team|mate|buddy|dude|bro|man"
    ),
    "label": {
        "buy": (
            "entry|in|entries|buy|long|enter|entry rule|entry signal|trigger|signal|setup|long entry|buy signal|entry condition|entry conditions|buy rule|"
            "buy when|conditions|entry trigger|go long|buys|buy conditions|get in|entry rules|entry when|long when|enter when|buy if|condition|i buy|open|"
            "open long|long if|enter if|entry if|long trigger|long signal|long setup|long rule|long entry rule|buy trigger|buy setup|entry criteria|"
            "rules for entry"
        ),
        "sell": (
            "exit|exits|out|sell|exit rule|exit rules|close|sell rule|exit signal|exit condition|sell signal|exit when|exit conditions|sell when|exit if|"
            "release|sell if|get out|sells|leave|i sell|exit at|close out|close when|exit criteria|sell conditions|exit trigger|sell trigger|"
            "rules for exit|close long|liquidate"
        ),
        "filter": (
            "filter|filters|regime|trend filter|only if|condition|regime filter|trend|also|entry filter|market filter|volume filter|confirmation|confirm|"
            "additional filter"
        ),
        "stop": "stop|stop loss|stop-loss|sl|protective stop|safety|stoploss|hard stop|safety stop|initial stop|protection|safety net|emergency stop|fixed stop",
        "target": "target|take profit|tp|profit target|profit|take-profit|goal|targets",
        "trail": "trail|trailing stop|trailing|trailing stop loss",
        "size": (
            "size|sizing|position size|position|qty|quantity|amount|allocation|stake|cap|shares|position sizing|notional|trade size|order size|budget|"
            "buying power|lot|lot size|money|how much|per trade|each trade|capital"
        ),
        "limit": (
            "limit|limits|max|frequency|max trades|trades per day|max trades per day|max entries|daily limit|max per day|trade limit|trades|daily cap|"
            "daily max|max trades a day|restrictions|rules|constraint|constraints|guardrail|guardrails|cap per day"
        ),
        "time": (
            "time|hours|trading hours|session|time filter|window|timing|entry window|time window|when|trading window|time rule|time stop|time exit|"
            "schedule|entry hours|active hours|hard close|close of day|eod|end of day|flat|flat by"
        ),
        "symbol": "symbol|ticker|instrument|asset|market|stock|etf|coin|pair|underlying|name|trade|product|security|symbols|tickers",
        "pause": "pause|cooldown|cool down|rest|cooling off|cool-down|wait",
    },
    "colon": ":|=|—|-|->|is",
    "arrow": "->|=|:|—|, then|then|means|-|⇒|, that's my|that's my|that's when i|that's when we|that's the|, that's the",
    "comma": ",",
    "end": ".|;|!|?|\n|¦|…",
    "lp": "(",
    "rp": ")",
    "slash": "/|,|and|&|x",
    "paren": "(|)|\"",
    "trend3": "up|green|bullish|long",
}
# fmt: on
